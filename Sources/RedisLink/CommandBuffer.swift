internal import CHiredis

/// Commands on their way out: formatted by hiredis, kept until the socket has taken them.
///
/// Offsets count bytes since the connection began. A command whose last byte is not past `sent` was never
/// whole at the server, and Redis does not execute half a command.
struct CommandBuffer {
    private var bytes: [UInt8] = []
    private var first = 0
    /// The number of bytes the socket has taken.
    private(set) var sent: UInt64 = 0

    /// The number of bytes that were ever appended.
    var end: UInt64 { sent + UInt64(bytes.count - first) }
    var isEmpty: Bool { first == bytes.count }
    /// The bytes of memory in use, for tests.
    var footprint: Int { bytes.count }

    /// Appends one command and returns the offset of its end.
    mutating func append(_ command: [RedisArgument]) -> UInt64 {
        command.withArguments { count, pointers, lengths in
            var formatted: UnsafeMutablePointer<CChar>?
            let length = redisFormatCommandArgv(&formatted, count, pointers, lengths)
            precondition(length >= 0 && formatted != nil, "out of memory while formatting a command")
            bytes.append(contentsOf: UnsafeRawBufferPointer(start: formatted, count: Int(length)))
            redisFreeCommand(formatted)
        }
        return end
    }

    /// Hands the waiting bytes to `send` until it takes no more. Returns why it failed, if it did.
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

extension [RedisArgument] {
    /// Lays the arguments out in stack memory, as hiredis wants them.
    fileprivate func withArguments(
        _ body: (Int32, UnsafeMutablePointer<UnsafePointer<CChar>?>, UnsafeMutablePointer<Int>) -> Void
    ) {
        let size = reduce(0) { $0 + $1.maximumLength }
        withUnsafeTemporaryAllocation(byteCount: Swift.max(size, 1), alignment: 1) { text in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { pointers in
                withUnsafeTemporaryAllocation(of: Int.self, capacity: count) { lengths in
                    var offset = 0
                    for (index, argument) in enumerated() {
                        let target = UnsafeMutableRawBufferPointer(rebasing: text[offset...])
                        let length = argument.write(to: target)
                        pointers[index] = UnsafePointer(
                            (text.baseAddress! + offset).assumingMemoryBound(to: CChar.self))
                        lengths[index] = length
                        offset += length
                    }
                    body(Int32(count), pointers.baseAddress!, lengths.baseAddress!)
                }
            }
        }
    }
}

extension RedisArgument {
    fileprivate var maximumLength: Int {
        switch self {
        case .string(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .integer: 20
        }
    }

    /// Writes the argument's bytes to the front of `target` and returns how many.
    fileprivate func write(to target: UnsafeMutableRawBufferPointer) -> Int {
        switch self {
        case .string(var text):
            return text.withUTF8 { source in
                target.copyMemory(from: UnsafeRawBufferPointer(source))
                return source.count
            }
        case .bytes(let bytes):
            target.copyBytes(from: bytes)
            return bytes.count
        case .integer(let value):
            return writeDecimal(value, to: target)
        }
    }

    private func writeDecimal(_ value: Int64, to target: UnsafeMutableRawBufferPointer) -> Int {
        var magnitude = value.magnitude
        var length = value < 0 ? 1 : 0
        var probe = magnitude
        repeat {
            length += 1
            probe /= 10
        } while probe > 0
        var index = length
        repeat {
            index -= 1
            target[index] = UInt8(ascii: "0") + UInt8(magnitude % 10)
            magnitude /= 10
        } while magnitude > 0
        if value < 0 { target[0] = UInt8(ascii: "-") }
        return length
    }
}
