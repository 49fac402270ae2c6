internal import JSONLines
internal import RedisLink

extension InputError {
    /// For input that the system does not let us read.
    init(unreadable what: String, _ error: any Error) {
        let what = TerminalText.escaped(what)
        self.init(line: nil, reason: "\(what) can't be read: \(ErrorText.reason(for: error))")
    }
}
