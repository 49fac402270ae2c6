import RedisLink

extension RedisLink {
    /// Runs a script whose reply is awaited even if the task is cancelled meanwhile: for calls that grant or
    /// settle something, whose outcome must be known.
    nonisolated(nonsending) func evaluateShielded(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument], check: ReplyCheck = .none,
        timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        try await connection.evaluateShielded(
            script, keys: keys, arguments: arguments, check: check, timeout: timeout)
    }

    /// A pause that cancellation does not shorten, between repetitions of such a call.
    func pauseShielded() async {
        await Task { try? await Task.sleep(for: .milliseconds(50)) }.value
    }
}
