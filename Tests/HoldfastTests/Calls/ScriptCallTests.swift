import RedisLink
import Testing

@testable import Holdfast

@Suite("A call of a script")
struct ScriptCallTests {
    /// What no script answers.
    private static let malformed: [RedisValue] = [
        .null, .status("OK"), .bytes([]), .integer(-7), .array([]), .array([.null]), .array([.array([])]),
        .array([.error("ERR"), .error("ERR")]),
    ]

    private func expectUnknown<Answer>(
        _ call: ScriptCall<Answer>, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for value in Self.malformed {
            let error = #expect(throws: RedisError.self, sourceLocation: sourceLocation) {
                _ = try call.answer(RedisReply(value: value, sentAt: .now))
            }
            #expect(error?.code == .protocolViolation, sourceLocation: sourceLocation)
            #expect(error?.delivery == .unknown, sourceLocation: sourceLocation)
            #expect(
                error?.message == "\(call.script.name).lua returned a malformed reply",
                sourceLocation: sourceLocation)
        }
    }

    @Test("whose reply its script does not give has an unknown outcome, and says so")
    func malformedReplies() throws {
        let keys = try KeySpace(namespace: "t")
        let queue = try QueueKeys("q", in: keys)
        let claim = LeaseClaim(lock: "a", key: "t:{a}:lock", token: "t", lease: LeaseTerm(.seconds(30)))
        expectUnknown(.acquire(claim, .wait, wakeChannels: ""))
        expectUnknown(.forceRelease(lock: claim.key, token: [], wakeChannels: ""))
        expectUnknown(.inspect(key: "a", fence: "b"))
        expectUnknown(.waiters(ofLock: claim.key, limit: 1))
        expectUnknown(.beat("i", "{}", silence: .seconds(60), keys: keys))
        expectUnknown(try .steer("w", .pause, nil, in: keys))
        expectUnknown(.pause(queue, true))
        expectUnknown(.fencedWrite([], fence: FencingToken(rawValue: 1), lifetime: nil, keys: ["a", "b"]))
        expectUnknown(.fencedRead(keys: ["a", "b"]))
        expectUnknown(.enqueue([("1", []), ("2", [])], type: "", [], to: queue))
        expectUnknown(.replay(["1-0", "2-0"], to: queue))
        expectUnknown(.discard(["1-0", "2-0"], remembering: nil, from: queue))
        expectUnknown(.deadLetters(from: "-", limit: 1, of: queue))
        expectUnknown(.find("1", in: queue.stream, from: "-", prefix: ""))
        expectUnknown(.look("1", entry: "", in: queue))
        expectUnknown(.stats(of: queue))
        expectUnknown(
            .claim(
                1, from: queue, token: "t", lease: .seconds(1), attempts: 1, takeOvers: 1,
                options: ConsumerOptions(), clock: .continuous))
    }

    @Test("numbers what it asks for, where its script numbers what it answers")
    func numbers() throws {
        let keys = try KeySpace(namespace: "t")
        let queue = try QueueKeys("q", in: keys)
        let call = ScriptCall.replay(["1-0"], to: queue)
        guard case .number(let number) = call.check else {
            Issue.record("it has no number")
            return
        }
        #expect(call.arguments[1] == RedisArgument(number))
        let reply = RedisValue.array([.integer(2 * Int64(number)), .bytes(Array("3-0".utf8))])
        #expect(call.check.accepts(reply))
        #expect(try call.answer(RedisReply(value: reply, sentAt: .now)) == ["3-0"])
    }
}

@Suite("What is known of a call that is repeated")
struct UnknownOutcomeTests {
    private func error(_ delivery: RedisError.Delivery) -> RedisError {
        RedisError(.timeout, delivery: delivery, "no reply")
    }

    @Test("is what was answered, as long as every try was answered or did not happen")
    func known() {
        var outcome = UnknownOutcome()
        for delivery in [RedisError.Delivery.notDelivered, .refused] {
            #expect(outcome.failed(error(delivery)).delivery == delivery)
            #expect(!outcome.mayHaveHappened)
        }
        #expect(outcome.settled(true))
        #expect(!outcome.settled(false))
    }

    @Test("is that it may have happened, once an answer was lost: a later no may be our own earlier yes")
    func unknown() {
        var outcome = UnknownOutcome()
        #expect(outcome.failed(error(.unknown)).delivery == .unknown)
        for delivery in [RedisError.Delivery.notDelivered, .refused] {
            #expect(outcome.failed(error(delivery)).delivery == .unknown)
        }
        #expect(outcome.mayHaveHappened)
        #expect(outcome.settled(true))
        #expect(outcome.settled(false))
    }
}
