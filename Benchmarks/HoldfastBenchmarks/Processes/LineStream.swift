import Foundation

/// The lines that come through a descriptor, read by a thread of its own.
enum LineStream {
    /// - Parameter atEnd: called by the thread after the last line.
    static func make(_ descriptor: Int32, atEnd: @escaping @Sendable () -> Void = {}) -> AsyncStream<String> {
        let (lines, continuation) = AsyncStream<String>.makeStream()
        Thread.detachNewThread {
            var rest: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(descriptor, &chunk, chunk.count)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { break }
                rest += chunk[..<count]
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    continuation.yield(String(decoding: rest[..<end], as: UTF8.self))
                    rest.removeSubrange(...end)
                }
            }
            continuation.finish()
            atEnd()
        }
        return lines
    }
}
