import HoldfastTesting
import RedisTestRig
import Synchronization
import TestSupport
import Testing

@testable import RedisLink

/// A place in the life of a command at which its task can be cancelled.
enum SweepPoint: Hashable, Sendable {
    case beforeTheStart
    /// So many jobs of the link after the caller has asked, all in the turn before the command is written.
    case asked(Int)
    case atTheServer
    /// The reply is in the socket.
    case beforeTheRead
    /// So many jobs of the link after the reply was read.
    case replied(Int)
    /// The link is done, the caller has not gone on.
    case beforeTheReturn

    /// More than the jobs that a command takes on the link's thread from one wait to the next.
    static let jobs = 6

    static let sent: [SweepPoint] =
        [.atTheServer, .beforeTheRead] + (0...jobs).map(replied) + [.beforeTheReturn]
    static let all: [SweepPoint] = [.beforeTheStart] + (0...jobs).map(asked) + sent
}

/// One operation that ends with `command`, on a link and a server that wait for the test.
final class SteppedCommand: Sendable {
    typealias Operation = @Sendable (RedisLink) async throws(RedisError) -> RedisReply

    let server: FakeRedisServer
    let link: RedisLink
    private let command: String
    private let late: [UInt8]
    private let operation: Operation
    private let caller = StepExecutor()
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let outcome = Mutex<Result<RedisReply, RedisError>?>(nil)
    private let isCancelled = Atomic<Bool>(false)
    private let isAnswered = Atomic<Bool>(false)

    /// - Parameters:
    ///   - refusedBefore: A command in front of the one that matters, which the server answers with NOSCRIPT.
    ///   - late: The reply, which comes when the test says so.
    init(
        command: String, refusedBefore: String? = nil, late: [UInt8] = RESP2.bulk("late"),
        _ operation: @escaping Operation
    ) throws {
        self.command = command
        self.late = late
        self.operation = operation
        server = try FakeRedisServer { received in
            switch received.name {
            case command: []
            case refusedBefore: [.reply(RESP2.error("NOSCRIPT no"))]
            // Answers for the command in front of it too: both replies come in one piece.
            case "BOTH": [.reply(late + RESP2.ok)]
            default: nil
            }
        }
        link = try makeLink(server.url)
    }

    /// Lets the operation go on to the point, and cancels it there.
    func go(to point: SweepPoint) async throws {
        let thread = link.connection.thread
        let held = await HeldThread(thread)
        let started = Task(executorPreference: caller) {
            let result: Result<RedisReply, RedisError>
            do throws(RedisError) {
                result = .success(try await self.operation(self.link))
            } catch {
                result = .failure(error)
            }
            self.outcome.withLock { $0 = result }
        }
        task.withLock { $0 = started }
        if point == .beforeTheStart { cancel() }
        caller.step()

        switch point {
        case .beforeTheStart:
            held.letGo()
        case .asked(0):
            cancel()
            held.letGo()
        case .asked(let jobs):
            thread.submit(after: jobs) { self.cancel() }
            held.letGo()
        case .atTheServer:
            held.letGo()
            try await arrives()
            cancel()
        case .beforeTheRead:
            held.letGo()
            try await arrives()
            let held = await HeldThread(thread)
            await answer()
            cancel()
            held.letGo()
        case .replied(let jobs):
            held.letGo()
            try await arrives()
            // The callback of a second command, whose reply is read together with the first one's.
            let connection = link.connection
            isAnswered.store(true, ordering: .relaxed)
            await connection.send(["BOTH"]) { _ in
                if jobs == 0 { self.cancel() } else { thread.submit(after: jobs) { self.cancel() } }
            }
        case .beforeTheReturn:
            held.letGo()
            try await arrives()
            await answer()
            try await eventually("the caller could go on") { caller.waiting > 0 }
            cancel()
        }
    }

    /// Lets the operation end, and the server answer what nobody waits for any more.
    func result() async throws -> Result<RedisReply, RedisError> {
        try await eventually("it is cancelled") { isCancelled.load(ordering: .acquiring) }
        try await caller.run { self.outcome.withLock { $0 != nil } }
        let result = try #require(outcome.withLock { $0 })
        if case .failure(let error) = result, error.delivery == .unknown, !isAnswered.load(ordering: .relaxed)
        {
            try await arrives()
            await answer()
        }
        return result
    }

    /// Looks that nothing but the command was touched.
    func end() async throws {
        #expect(server.accepted == 1, "a cancellation closes nothing")
        await link.close()
        try await eventually("no connection is left") { server.open == 0 }
    }

    private func cancel() {
        task.withLock { $0 }?.cancel()
        isCancelled.store(true, ordering: .releasing)
    }

    private func answer() async {
        isAnswered.store(true, ordering: .relaxed)
        await server.perform([.reply(late)])
    }

    /// The command reaches the server; between its first and its second try, the caller may have its part.
    private func arrives() async throws {
        try await eventually("it arrived") {
            caller.step()
            return server.received(command).count == 1
        }
    }
}
