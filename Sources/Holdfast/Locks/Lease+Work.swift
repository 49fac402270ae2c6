package import Logging

extension Lease {
    /// Runs `body` as a child task that is cancelled when the lease is lost, and releases the lease after it.
    ///
    /// - Parameter lossIsUnknown: whether what the lease stands for may have happened when it is lost.
    package func whileHeld<Result: Sendable>(
        logger: Logger, lossIsUnknown: Bool = false,
        _ body: @escaping @Sendable (Lease) async throws -> Result
    ) async throws -> Result {
        let outcome = await run(body)
        let loss: HoldfastError?
        do throws(HoldfastError) {
            try await release()
            loss = nil
        } catch let error where error.code == .lost {
            loss = error
        } catch {
            // The work is done, and the lock ends by itself.
            logger.warning("\(error)")
            loss = nil
        }
        guard var loss else { return try outcome.get() }
        loss.mayHaveHappened = lossIsUnknown
        if case .failure(let error) = outcome {
            loss.underlying = error
            // What the body could not learn, the loss does not tell either.
            if (error as? HoldfastError)?.mayHaveHappened == true { loss.mayHaveHappened = true }
        }
        throw loss
    }

    private func run<Result: Sendable>(
        _ body: @escaping @Sendable (Lease) async throws -> Result
    ) async -> Swift.Result<Result, any Error> {
        await withTaskGroup(of: Swift.Result<Result, any Error>?.self) { group in
            group.addTask {
                do { return .success(try await body(self)) } catch { return .failure(error) }
            }
            group.addTask {
                _ = await self.untilLost()
                return nil
            }
            // Whichever ends first ends the other: a loss cancels the body, the body's end the watch.
            var outcome: Swift.Result<Result, any Error>?
            for await finished in group {
                outcome = outcome ?? finished
                group.cancelAll()
            }
            guard let outcome else { preconditionFailure("the body ended without an outcome") }
            return outcome
        }
    }
}
