import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Random hexadecimal digits from the system's generator, which is asked for many at once: a call of it costs
/// as much as all else that is done for a lock here.
enum RandomHex {
    private static let pool = Mutex(RandomPool())

    static func digits(_ count: Int, after prefix: String = "") -> String {
        precondition(count % 2 == 0 && count <= 2 * RandomPool.size, "so many digits are not made at once")
        var prefix = prefix
        return String(unsafeUninitializedCapacity: prefix.utf8.count + count) { buffer in
            let start = prefix.withUTF8 { buffer.update(fromContentsOf: $0) }
            pool.withLock { pool in
                var index = start
                for byte in pool.take(count / 2) {
                    buffer[index] = digit(byte >> 4)
                    buffer[index + 1] = digit(byte & 15)
                    index += 2
                }
            }
            return start + count
        }
    }

    static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

/// Random bytes of which each is handed out once.
private struct RandomPool {
    static let size = 1024

    private var bytes = [UInt8](repeating: 0, count: size)
    private var next = size

    mutating func take(_ count: Int) -> ArraySlice<UInt8> {
        if next + count > bytes.count {
            fill()
            next = 0
        }
        defer { next += count }
        return bytes[next..<next + count]
    }

    private mutating func fill() {
        bytes.withUnsafeMutableBytes { buffer in
            #if canImport(Glibc)
                // It gives no more than 256 bytes at once.
                for start in stride(from: 0, to: buffer.count, by: 256) {
                    let failed = getentropy(buffer.baseAddress! + start, min(256, buffer.count - start))
                    precondition(failed == 0, "the system's random generator failed")
                }
            #else
                arc4random_buf(buffer.baseAddress, buffer.count)
            #endif
        }
    }
}
