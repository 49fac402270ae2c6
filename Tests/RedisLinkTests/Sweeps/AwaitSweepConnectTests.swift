import HoldfastTesting
import RedisTestRig
import Synchronization
import TestSupport
import Testing

@testable import RedisLink

/// Cancels `connect`, `subscribe` and `close` at every place where they can be suspended; see
/// ``AwaitSweepTests``.
@Suite("The await sweep over connecting, subscribing and closing")
struct AwaitSweepConnectTests {
    enum Point: Hashable, Sendable {
        case beforeTheStart
        /// So many jobs of the link after the caller has asked.
        case asked(Int)
        /// The last attempt failed and the next one waits for its time.
        case betweenAttempts
        case authenticating
        case selecting
        case naming
        case beforeTheReturn

        static let all: [Point] =
            [.beforeTheStart] + (0...SweepPoint.jobs).map(asked)
            + [.betweenAttempts, .authenticating, .selecting, .naming, .beforeTheReturn]
    }

    @Test("connect, cancelled at each of its points", arguments: Point.all)
    func connect(point: Point) async throws {
        let waitsFor = [Point.authenticating: "AUTH", .selecting: "SELECT", .naming: "CLIENT"][point]
        let accepts = Mutex(point != .betweenAttempts)
        let server = try FakeRedisServer { command in
            command.connection == 0 && command.name == waitsFor ? [] : nil
        } onConnect: { _ in
            accepts.withLock { $0 } ? [] : [.close]
        }
        let url = server.url.replacing("://", with: "://:pw@") + "?db=1"
        try await withLink(url, { $0.clientName = "sweep" }) { link in
            let caller = StepExecutor()
            let outcome = Mutex<RedisError?>(nil)
            let hasEnded = Mutex(false)
            let thread = link.connection.thread
            if point == .betweenAttempts {
                try await eventually("several attempts fail, so that the wait is long") {
                    _ = try? await link.connect()
                    return server.accepted >= 4
                }
            }
            let held = await HeldThread(thread)
            let task = Task(executorPreference: caller) {
                do throws(RedisError) {
                    try await link.connect()
                } catch {
                    outcome.withLock { $0 = error }
                }
                hasEnded.withLock { $0 = true }
            }
            if point == .beforeTheStart { task.cancel() }
            caller.step()
            switch point {
            case .asked(0): task.cancel()
            case .asked(let jobs): thread.submit(after: jobs) { task.cancel() }
            default: break
            }
            held.letGo()
            switch point {
            case .beforeTheStart, .asked: break
            case .betweenAttempts:
                await link.connection.turn()
                task.cancel()
            case .authenticating, .selecting, .naming:
                try await eventually("it is asked") { server.received.contains { $0.name == waitsFor } }
                await link.connection.turn()
                task.cancel()
            case .beforeTheReturn:
                try await eventually("the caller could go on") { caller.waiting > 0 }
                task.cancel()
            }
            try await caller.run { hasEnded.withLock { $0 } }
            let error = outcome.withLock { $0 }
            if point == .beforeTheReturn {
                #expect(error == nil)
            } else if point != .betweenAttempts || error?.code != .connectFailed {
                // Between two attempts, the next one may have failed before the cancellation came.
                #expect(error?.code == .cancelled)
                #expect(error?.delivery == .notDelivered)
            }
            // The link goes on: what was asked is answered now, and the connection is the one that was begun.
            accepts.withLock { $0 = true }
            if waitsFor != nil { await server.perform([.reply(RESP2.ok)], on: 0) }
            try await expectInStep(link)
            if point != .betweenAttempts { #expect(server.accepted == 1) }
        }
        try await eventually("no connection is left") { server.open == 0 }
    }

    enum SubscriptionPoint: CaseIterable {
        case beforeTheLink
        case connecting
        case subscribing
        case subscribed
    }

    @Test("subscribe, given up at each of its points", arguments: SubscriptionPoint.allCases)
    func subscribe(point: SubscriptionPoint) async throws {
        let waitsFor = [SubscriptionPoint.connecting: "PING", .subscribing: "SUBSCRIBE"][point]
        let server = try FakeRedisServer { command in command.name == waitsFor ? [] : nil }
        try await withLink(server.url) { link in
            let calls = Mutex(0)
            let count: @Sendable ([UInt8]) -> Void = { _ in calls.withLock { $0 += 1 } }
            let subscription = try link.subscribe("a", onMessage: count)
            switch point {
            case .beforeTheLink: break
            case .connecting, .subscribing:
                try await eventually("it is asked") { server.received.contains { $0.name == waitsFor } }
            case .subscribed: try await eventually("it begins") { calls.withLock { $0 } == 1 }
            }
            subscription.cancel()
            // The thread hears of it in its next turn; the answers must not come before that.
            if point != .beforeTheLink {
                await withCheckedContinuation { turn in link.thread.submit { turn.resume() } }
            }
            // Given up at once, it may have begun or not.
            let allowed = point == .subscribed ? 1...1 : point == .beforeTheLink ? 0...1 : 0...0
            // The answers to what was asked, late.
            switch point {
            case .connecting: await server.perform([.reply(RESP2.status("PONG"))])
            case .subscribing: await server.perform([.reply(RESP2.subscribed(to: "a"))])
            case .beforeTheLink, .subscribed: break
            }
            let other = Mutex(0)
            let second = try link.subscribe("b") { _ in other.withLock { $0 += 1 } }
            if point == .subscribing {
                try await eventually("it is asked") { server.received("SUBSCRIBE").count == 2 }
                await server.perform([.reply(RESP2.subscribed(to: "b"))])
            }
            try await eventually("another channel begins") { other.withLock { $0 } == 1 }
            await server.perform([
                .reply(RESP2.message("m", channel: "a")), .reply(RESP2.message("m", channel: "b")),
            ])
            try await eventually("its message comes") { other.withLock { $0 } == 2 }
            #expect(allowed.contains(calls.withLock { $0 }), "the first hears nothing more")
            #expect(server.accepted == 1)
            _ = second
        }
    }

    enum ClosePoint: CaseIterable {
        case beforeTheStart
        case beforeTheLink
        case beforeTheReturn
    }

    @Test("close, cancelled at each of its points, closes all the same", arguments: ClosePoint.allCases)
    func close(point: ClosePoint) async throws {
        let server = try FakeRedisServer { command in command.name == "SLOW" ? [] : nil }
        let link = try makeLink(server.url)
        try await link.connect()
        let slow = Task { await failure { try await link.send(["SLOW"]) } }
        try await eventually("it arrived") { server.received("SLOW").count == 1 }
        let caller = StepExecutor()
        let hasEnded = Mutex(false)
        let held = await HeldThread(link.connection.thread)
        let task = Task(executorPreference: caller) {
            await link.close()
            hasEnded.withLock { $0 = true }
        }
        if point == .beforeTheStart { task.cancel() }
        caller.step()
        if point == .beforeTheReturn {
            held.letGo()
            try await eventually("the caller could go on") { caller.waiting > 0 }
        }
        task.cancel()
        if point != .beforeTheReturn { held.letGo() }
        try await caller.run { hasEnded.withLock { $0 } }
        #expect(await slow.value?.code == .closed)
        try await eventually("no connection is left") { server.open == 0 }
    }
}
