import RedisLink

extension RedisLink {
    /// How long closing waits for a server that does not answer.
    static let closeTimeout: Duration = .seconds(1)

    /// A pause that cancellation does not shorten, between repetitions of such a call.
    func pauseShielded() async {
        await Task { try? await Task.sleep(for: .milliseconds(50)) }.value
    }
}
