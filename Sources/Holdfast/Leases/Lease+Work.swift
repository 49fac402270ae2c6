extension Lease {
    /// Runs `body` as a child task that is cancelled when the lease is lost, and then releases the lease
    /// unless the body has done so. The body runs where its caller does, on the same actor if there is one.
    ///
    /// - Throws: what `body` throws; if the lease was lost, ``HoldfastError/Code/lost`` of something that may have
    ///   happened, since the body had begun.
    package nonisolated(nonsending) func whileHeld<Result: Sendable>(
        _ body: nonisolated(nonsending) (Lease) async throws -> Result
    ) async throws -> Result {
        let outcome = await run(body)
        let loss: HoldfastError?
        do throws(HoldfastError) {
            try await grant.release(by: issuer)
            loss = nil
        } catch let error where error.code == .lost {
            loss = error
        } catch {
            // The work is done, and the lock ends by itself.
            issuer.observers.tell(LeaseEvent.releaseFailed(error))
            loss = nil
        }
        guard var loss else { return try outcome.get() }
        loss.mayHaveHappened = true
        if case .failure(let error) = outcome { loss.underlying = error }
        throw loss
    }

    /// Lets go of the lease here and not in Redis: its key has been turned into something else, or is to
    /// expire by itself.
    func leave() { _ = grant.drop() }

    private func run<Result: Sendable>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: nonisolated(nonsending) (Lease) async throws -> Result
    ) async -> Swift.Result<Result, any Error> {
        await withoutActuallyEscaping(body) { body in
            // Safe though it is not Sendable: the child task runs on the caller's actor, and the caller waits for it.
            nonisolated(unsafe) let body = body
            return await withTaskGroup(of: Ended<Result>.self) { group in
                group.addTask {
                    _ = isolation
                    do { return .body(.success(try await body(self))) } catch {
                        return .body(.failure(error))
                    }
                }
                group.addTask { .watch(await self.untilLost()) }
                // A loss cancels the body, the body's end the watch. A lease that the body released itself ends the
                // watch, and cancels nothing.
                var outcome: Swift.Result<Result, any Error>?
                for await ended in group {
                    switch ended {
                    case .body(let result):
                        outcome = result
                        group.cancelAll()
                    case .watch(nil): break
                    case .watch: group.cancelAll()
                    }
                }
                guard let outcome else { preconditionFailure("the body ended without an outcome") }
                return outcome
            }
        }
    }
}

/// What ended of a body that runs under a lease, and of the watch beside it.
private enum Ended<Result: Sendable>: Sendable {
    case body(Swift.Result<Result, any Error>)
    /// Why the lease was lost; nil where it was not.
    case watch(LossReason?)
}
