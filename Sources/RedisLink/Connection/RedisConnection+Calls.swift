/// What callers do on their own thread, whichever it is: they hand the connection's thread a call, and wait.
extension RedisConnection {
    /// Waits until the connection is up, or the next attempt fails.
    nonisolated(nonsending) func connect() async throws(RedisError) {
        let result = await withID { id in
            await withUnsafeContinuation { continuation in
                perform { $0.connect(id, continuation) }
            }
        }
        try result.get()
    }

    /// Sends a command and waits for its reply. Cancelling the task ends the wait, not the command: the
    /// error's delivery is then unknown, unless the command had not been sent yet.
    nonisolated(nonsending) func send(
        _ command: RedisCommand, timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        let result = await withID { id in
            await withUnsafeContinuation { continuation in
                perform { $0.submit(command, id: id, timeout: timeout, .task(continuation)) }
            }
        }
        return try result.get()
    }

    /// Like ``send(_:timeout:)``, but not interrupted by cancellation.
    nonisolated(nonsending) func sendShielded(
        _ command: RedisCommand, timeout: Duration? = nil
    ) async throws(RedisError) -> RedisReply {
        let result = await withUnsafeContinuation {
            (continuation: UnsafeContinuation<RedisResult, Never>) in
            perform { $0.submit(command, id: $0.takeID(), timeout: timeout, .task(continuation)) }
        }
        return try result.get()
    }

    /// Lets `operation` be cancelled by its id, at the latest when it reaches the thread.
    @inline(__always)
    private nonisolated(nonsending) func withID<R>(
        _ operation: nonisolated(nonsending) (UInt64) async -> R
    ) async -> R {
        let id = takeID()
        let result = await withTaskCancellationHandler {
            await operation(id)
        } onCancel: {
            cancellations.add(id)
            thread.post { self.inTurn { $0.cancel(id) } }
        }
        cancellations.remove(id)
        return result
    }

    /// Runs `work` in a turn of the thread, now if this is one.
    @inline(__always)
    private nonisolated func perform(_ work: @escaping @Sendable (isolated RedisConnection) -> Void) {
        if thread.isInTurn {
            inTurn(work)
        } else {
            thread.submit { self.inTurn(work) }
        }
    }
}
