import RedisLink

extension RedisLink {
    /// Runs a script whose reply is awaited even if the task is cancelled meanwhile: for calls that grant or
    /// settle something, whose outcome must be known.
    func evaluateShielded(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument], timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        let result = await withUnsafeContinuation { continuation in
            connection.thread.submit { [connection] in
                connection.assumeIsolated {
                    $0.evaluate(script, keys: keys, arguments: arguments, timeout: timeout) {
                        continuation.resume(returning: $0)
                    }
                }
            }
        }
        return try result.get()
    }

    /// A pause that cancellation does not shorten, between repetitions of such a call.
    func pauseShielded() async {
        await Task { try? await Task.sleep(for: .milliseconds(50)) }.value
    }
}
