internal import RedisLink

/// Starts a thread that may block for as long as it likes, as none of Swift's pool may.
///
/// - Throws: ``SystemError`` where the system gives none.
func startBlockingThread(_ body: @escaping @Sendable () -> Void) throws {
    do throws(SystemThread.Refusal) {
        try SystemThread(body).detach()
    } catch {
        throw SystemError("the system gives no thread", number: error.number)
    }
}
