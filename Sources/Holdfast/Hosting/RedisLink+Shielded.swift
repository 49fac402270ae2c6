import RedisLink

extension RedisLink {
    /// How long closing waits for a server that does not answer.
    static let closeTimeout: Duration = .seconds(1)

    /// Sends a command whose reply is awaited even if the task is cancelled: for what a client leaves in order when it
    /// closes, since what closes it may be a cancellation.
    func sendShielded(_ command: RedisCommand, timeout: Duration? = nil) async throws(RedisError)
        -> RedisReply
    {
        let result = await Task { () async -> Result<RedisReply, RedisError> in
            do throws(RedisError) {
                return .success(try await self.send(command, timeout: timeout))
            } catch {
                return .failure(error)
            }
        }.value
        return try result.get()
    }

    /// A pause that cancellation does not shorten, between repetitions of such a call.
    func pauseShielded() async {
        await Task { try? await Task.sleep(for: .milliseconds(50)) }.value
    }
}
