package import Holdfast

/// One dead letter. As JSON these are documented, stable field names.
package struct DeadLetterSnapshot: Encodable, Hashable, Sendable {
    package var letter: String
    package var id: String
    /// Empty if the message has none.
    package var type: String
    package var attempts: Int
    package var reason: String
    package var deadForMilliseconds: Int64
    /// As UTF-8; only the beginning of a long body.
    package var body: String
    /// The size of the whole body.
    package var bodyBytes: Int

    package init(_ letter: DeadLetter) {
        self.letter = letter.entry
        id = letter.id
        type = letter.type
        attempts = letter.attempts
        reason = letter.reason
        deadForMilliseconds = letter.age.inMilliseconds
        body = String(decoding: letter.body, as: UTF8.self)
        bodyBytes = letter.bodyBytes
    }
}
