internal import RedisLink

/// Starts a thread that may block for as long as it likes, unlike those of Swift's pool.
///
/// - Throws: ``SystemError`` if the system refuses to start one.
func startBlockingThread(_ body: @escaping @Sendable () -> Void) throws {
    do throws(SystemThread.Refusal) {
        try SystemThread(body).detach()
    } catch {
        throw SystemError("the system refused to start a thread", number: error.number)
    }
}
