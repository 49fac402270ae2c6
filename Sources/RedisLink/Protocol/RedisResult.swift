/// The outcome of a command: its reply, or why there is none that can be used.
package enum RedisResult: Sendable {
    case success(RedisReply)
    // Out of line: the usual result is moved about as a few words.
    indirect case failure(RedisError)

    package func get() throws(RedisError) -> RedisReply {
        switch self {
        case .success(let reply): return reply
        case .failure(let error): throw error
        }
    }
}
