import RedisLink

extension QueueStore {
    /// - Returns: whether that changed something.
    package func setPaused(_ paused: Bool) async throws -> Bool {
        do throws(RedisError) {
            return try await link.call(.pause(keys, paused))
        } catch {
            throw HoldfastError.thrown(
                for: error, "\(paused ? "pausing" : "resuming") the queue \(keys.name)")
        }
    }
}

extension MessageQueue {
    /// Keeps all instances from beginning messages of this queue until ``resume()``. Messages can still be
    /// sent; handlers under way continue, and their messages are settled. One round trip.
    ///
    /// - Returns: false if the queue was paused already.
    @discardableResult
    public func pause() async throws -> Bool { try await store().setPaused(true) }

    /// Ends a ``pause()``, whoever made it. One round trip.
    ///
    /// - Returns: false if the queue was not paused.
    @discardableResult
    public func resume() async throws -> Bool { try await store().setPaused(false) }
}
