/// A command together with the caller that waits for its reply.
///
/// It is consumed by whatever keeps it: a copy costs three references, which showed in `scripts/bench locks`.
struct Request {
    enum Completion {
        case task(UnsafeContinuation<RedisResult, Never>)
        case call(@Sendable (RedisResult) -> Void)

        func callAsFunction(_ result: RedisResult) {
            switch self {
            case .task(let continuation): continuation.resume(returning: result)
            case .call(let call): call(result)
            }
        }
    }

    var id: UInt64
    var command: RedisCommand
    var completion: Completion
    @Moment var deadline: ContinuousClock.Instant
    /// Whether it was sent by its digest once more, after another call that carried the script's text.
    var followsText = false
}
