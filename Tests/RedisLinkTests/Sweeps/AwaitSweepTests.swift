import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

/// Cancels each command of the link at every place where its task can be suspended.
///
/// A command is a chain of parts: the caller's, until it waits for the link; the link's, until it waits for
/// the reply; the arrival of the reply; the link's again; the caller's again. Both threads are held and
/// stepped by hand, so that the cancellation comes between two chosen parts and nowhere else.
@Suite("The await sweep over commands")
struct AwaitSweepTests {
    private static let script = RedisScript(name: "sweep", source: "return 1")

    @Test("send, cancelled at each of its points", arguments: SweepPoint.all)
    func send(point: SweepPoint) async throws {
        try await sweep(at: point, command: "GET") { link throws(RedisError) in
            try await link.send(["GET", "a"])
        }
    }

    @Test("evaluate of a known script, cancelled at each of its points", arguments: SweepPoint.all)
    func evaluate(point: SweepPoint) async throws {
        try await sweep(at: point, command: "EVALSHA") { link throws(RedisError) in
            try await link.evaluate(Self.script, keys: [], arguments: [])
        }
    }

    @Test(
        "evaluate of an unknown script, cancelled at each point of its second command",
        arguments: SweepPoint.sent)
    func evaluateWhole(point: SweepPoint) async throws {
        try await sweep(at: point, command: "EVAL", refusedBefore: "EVALSHA") { link throws(RedisError) in
            try await link.evaluate(Self.script, keys: [], arguments: [])
        }
    }

    @Test(
        "evaluate, cancelled at each point after the first of its two commands",
        arguments: 0...SweepPoint.jobs)
    func evaluateBetween(jobs: Int) async throws {
        let run = try SteppedCommand(command: "EVALSHA", late: RESP2.error("NOSCRIPT no")) {
            link throws(RedisError) in
            try await link.evaluate(Self.script, keys: [], arguments: [])
        }
        try await run.link.connect()
        try await run.go(to: .replied(jobs))
        let error = try await run.result().failure
        #expect(error?.code == .cancelled)
        #expect(
            error?.delivery == .unknown, "the second goes out in the turn that reads the reply to the first")
        try await eventually("it was sent") { run.server.received("EVAL").count == 1 }
        try await expectInStep(run.link)
        try await run.end()
    }

    private func sweep(
        at point: SweepPoint, command: String, refusedBefore: String? = nil,
        _ operation: @escaping SteppedCommand.Operation
    ) async throws {
        let run = try SteppedCommand(command: command, refusedBefore: refusedBefore, operation)
        try await run.link.connect()
        try await run.go(to: point)
        let result = try await run.result()
        switch point {
        case .beforeTheStart, .asked(0):
            #expect(result.failure?.delivery == .notDelivered)
        case .asked(SweepPoint.jobs), .atTheServer, .beforeTheRead:
            #expect(result.failure?.delivery == .unknown)
        case .asked:
            #expect([.notDelivered, .unknown].contains(result.failure?.delivery))
        case .replied, .beforeTheReturn:
            #expect(try result.get().value.string == "late", "the reply was there before the cancellation")
        }
        if let error = result.failure { #expect(error.code == .cancelled) }
        try await expectInStep(run.link)
        let arrived = run.server.received(command).count
        #expect(arrived == (result.failure?.delivery == .notDelivered ? 0 : 1))
        try await run.end()
    }
}

extension Result {
    fileprivate var failure: Failure? {
        guard case .failure(let error) = self else { return nil }
        return error
    }
}
