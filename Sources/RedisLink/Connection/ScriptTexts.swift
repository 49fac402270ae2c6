/// Which calls carry the text of a script that the server does not know.
///
/// One call does. The others that were under way by then were refused, too, and follow by digest: the server
/// executes commands in order, so they arrive after the text. One that is refused again has met another
/// flush, or a text that was not accepted, and carries the text itself.
///
/// A value, for the output of one connection.
struct ScriptTexts {
    /// How far the output reaches with the text of each script.
    private var ends: [ObjectIdentifier: UInt64] = [:]

    /// Whether a call that was refused may be sent by digest once more: the text was sent after it.
    ///
    /// - Parameter end: the offset of the last byte of the call that was refused.
    func follow(_ request: Request, of script: RedisScript, refusedAt end: UInt64) -> Bool {
        !request.followsText && ends[ObjectIdentifier(script)].map { $0 > end } ?? false
    }

    /// - Parameter end: the offset of the text's last byte; nil when it has not been written yet.
    mutating func brought(_ script: RedisScript, upTo end: UInt64?) {
        ends[ObjectIdentifier(script)] = end
    }

    /// The next connection's output starts from zero.
    mutating func connectionEnded() {
        ends = [:]
    }
}
