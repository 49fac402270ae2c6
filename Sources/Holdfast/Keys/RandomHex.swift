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
            pool.withLock { $0.write(digits: count, to: buffer.extracting(start...)) }
            return start + count
        }
    }

    static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
    }
}

/// Random bytes of which each is handed out once.
private struct RandomPool {
    static let size = 1024

    private var bytes = [UInt8](repeating: 0, count: size)
    private var next = size

    mutating func write(digits count: Int, to buffer: UnsafeMutableBufferPointer<UInt8>) {
        if next + count / 2 > bytes.count {
            fill()
            next = 0
        }
        for index in 0..<count / 2 {
            let byte = bytes[next + index]
            buffer[2 * index] = Self.digit(byte >> 4)
            buffer[2 * index + 1] = Self.digit(byte & 15)
        }
        next += count / 2
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
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
