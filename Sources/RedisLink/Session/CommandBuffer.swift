/// Commands on their way out, kept until the socket has taken them.
///
/// Offsets count bytes since the connection began. A command that ends after `sent` never reached the server
/// whole, and Redis does not execute half a command.
struct CommandBuffer {
    private var bytes: [UInt8] = []
    private var first = 0
    /// The number of bytes the socket has taken.
    private(set) var sent: UInt64 = 0

    /// The number of bytes ever appended.
    var end: UInt64 { sent + UInt64(bytes.count - first) }
    var isEmpty: Bool { first == bytes.count }
    /// The bytes of memory in use, for tests.
    var footprint: Int { bytes.count }

    /// Appends one command and returns the offset of its end.
    mutating func append(_ command: RedisCommand) -> UInt64 {
        bytes.append(contentsOf: command.bytes)
        return end
    }

    /// Passes the waiting bytes to `send` until it takes no more. Returns why it failed, if it did.
    mutating func drain(_ send: (UnsafeRawBufferPointer) -> Socket.Transfer) -> String? {
        while !isEmpty {
            let first = first
            switch bytes.withUnsafeBytes({ send(UnsafeRawBufferPointer(rebasing: $0[first...])) }) {
            case .bytes(let count):
                self.first += count
                sent += UInt64(count)
            case .wouldBlock:
                // A link that is never quite idle must not keep all it ever sent.
                if self.first > 1 << 16, self.first > bytes.count / 2 {
                    bytes.removeFirst(self.first)
                    self.first = 0
                }
                return nil
            case .closed(let reason):
                return reason
            }
        }
        bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20)
        first = 0
        return nil
    }
}
