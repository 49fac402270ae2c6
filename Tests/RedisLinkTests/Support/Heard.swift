import Synchronization

/// What the handler of a subscription was called with; an empty text for each beginning.
final class Heard: Sendable {
    private let messages = Mutex<[String]>([])

    func add(_ bytes: [UInt8]) {
        messages.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
    }

    var all: [String] { messages.withLock { $0 } }
    var beginnings: Int { all.count { $0.isEmpty } }
    var texts: [String] { all.filter { !$0.isEmpty } }
}
