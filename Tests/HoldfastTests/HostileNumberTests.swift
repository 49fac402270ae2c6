import RedisLink
import Testing

@testable import Holdfast

/// Whatever numbers a server gives, or somebody wrote to our keys, none ends the process.
@Suite("Numbers that cannot be")
struct HostileNumberTests {
    private static let extremes: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]
    private static let pairs = extremes.flatMap { first in extremes.map { (first, $0) } }

    private static func reply(_ values: RedisValue...) -> RedisReply {
        RedisReply(value: .array(values), sentAt: .now)
    }

    private static func text(_ text: String) -> RedisValue { .bytes(Array(text.utf8)) }

    @Test("the age of what is newer is zero, and no age is beyond all numbers", arguments: pairs)
    func since(now: Int64, then: Int64) {
        let age = now.since(then)
        #expect(age >= 0)
        #expect((age == 0) == (now <= then))
        if let exact = Int64(exactly: Double(now) - Double(then)), exact > 0, abs(exact) < 1 << 52 {
            #expect(age == exact)
        }
    }

    @Test("a refusal, a batch of claims and the state of a queue are read", arguments: pairs)
    func read(first: Int64, second: Int64) throws {
        let holder = try #require(
            Holder(reply: [
                Self.text("t"), .integer(first), Self.text("9223372036854775t"), .integer(second),
            ]))
        #expect(!holder.description.isEmpty)
        var room = WaitingRoom()
        room.enter("a", until: nil)
        let now = ContinuousClock.now
        _ = room.refused(
            "a", reason: .check, by: holder, queuedAnew: true, isListening: true,
            sentAt: now, at: now)
        #expect(try #require(room.nextWake) <= now + WaitingRoom.patience)

        let batch = try #require(
            MessageClaim.Batch(
                Self.reply(
                    .integer(0), .integer(first), .integer(first), .integer(second), .integer(first)),
                token: "t",
                lease: .seconds(1)))
        #expect((batch.nextDue == nil) == (second < 0))

        let number = RedisValue.integer(first)
        let queue = try QueueKeys("q", in: try KeySpace(namespace: "t"))
        let stats = try? ScriptCall.stats(of: queue).answer(
            Self.reply(
                number, number, number, number, Self.text("\(first)-0"), .integer(second), number,
                Self.text("\(first)")))
        #expect(stats?.oldestAge ?? .zero >= .zero)
    }

    @Test("an attempt counts from one", arguments: extremes)
    func attempt(number: Int64) {
        let message = [Self.text("1-0"), Self.text("id"), Self.text("{}"), .integer(number), Self.text("")]
        let reply = RedisReply(
            value: .array(
                [
                    .integer(0),
                    .integer(1), .integer(1), .integer(-1), .integer(0),
                ] + message), sentAt: .now)
        let batch = MessageClaim.Batch(reply, token: "t", lease: .seconds(1))
        #expect((batch?.claims.count == 1) == (number >= 1))
        for claim in batch?.claims ?? [] {
            _ = RetryPolicy(attempts: .max).verdict(afterFailed: claim.attempt, reason: "", random: 0.5)
        }
    }

    @Test("a server's clock or a cursor beyond reckoning is no answer, any other is", arguments: pairs)
    func tick(time: Int64, cursor: Int64) {
        let isUsable = ServerClock.range.contains(time) && TickInstant.range.contains(cursor)
        let read = TickAnswer(
            Self.reply(
                .integer(0), Self.text("waiting"), .integer(time), Self.text("\(cursor)"),
                Self.text("asked"), .integer(cursor)))
        #expect((read != nil) == isUsable)
        guard let read else { return }
        var machine = TickMachine(
            Timetable(.every(.seconds(86_400), phase: .seconds(1), runOnStart: true), worker: "w"))
        machine.answered(read, at: .now)
        _ = machine.next(at: .now)
    }

    @Test(
        "a cursor that is no number is no answer: it would be asked for again at once, for ever",
        arguments: ["x", " ", "1e3", "9223372036854775808"])
    func cursor(text: String) {
        func answer(_ cursor: String) -> TickAnswer? {
            TickAnswer(
                Self.reply(
                    .integer(0), Self.text("waiting"), .integer(1), Self.text(cursor), Self.text("asked"),
                    .integer(-1)))
        }
        #expect(answer(text) == nil)
        #expect(answer("") == TickAnswer(verdict: .waiting(.asked, remaining: nil), serverTime: 1))
    }

    @Test("only a token of this library's form names an instance")
    func token() {
        let random = String(repeating: "0", count: 32)
        #expect(Instance.id(inToken: "0123456789abcdef:\(random)") == "0123456789abcdef")
        #expect(Instance.id(inToken: "0123456789abcde\u{1B}:\(random)") == nil)
        #expect(Instance.id(inToken: "0123456789abcdeF:\(random)") == nil)
    }
}
