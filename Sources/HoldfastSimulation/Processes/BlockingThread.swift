internal import Foundation
internal import RedisLink

/// Starts a thread that may block for as long as it likes, as none of Swift's pool may.
///
/// - Throws: ``SystemError`` where the system gives none: `Thread` of Foundation says nothing then, and what waits for the
///   thread waits for ever.
func startBlockingThread(_ body: @escaping @Sendable () -> Void) throws {
    do {
        try startThread(body)
    } catch {
        throw SystemError("the system gives no thread", number: EAGAIN)
    }
}
