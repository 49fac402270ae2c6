import TestSupport

/// What the handler of a subscription was called with; an empty text for each beginning.
typealias Heard = Record<String>

extension Heard {
    func add(_ bytes: [UInt8]) { add(String(decoding: bytes, as: UTF8.self)) }

    var beginnings: Int { all.count { $0.isEmpty } }
    var texts: [String] { all.filter { !$0.isEmpty } }
}
