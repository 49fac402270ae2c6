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
    /// Lets no instance begin a message of this queue until ``resume()``. Messages can be sent; handlers under way
    /// go on, and are settled. One round trip.
    ///
    /// - Returns: false if it was paused already.
    @discardableResult
    public func pause() async throws -> Bool { try await store().setPaused(true) }

    /// Ends a ``pause()``, whoever began it. One round trip.
    ///
    /// - Returns: false if it was not paused.
    @discardableResult
    public func resume() async throws -> Bool { try await store().setPaused(false) }
}
