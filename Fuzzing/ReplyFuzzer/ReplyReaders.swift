internal import Foundation
internal import RedisLink

@testable internal import Holdfast

/// Everything in the library that takes replies apart. None of it may end the process, whatever a server
/// says.
enum ReplyReaders {
    private static let lease = Duration.seconds(10)
    private static let keys = try? KeySpace(namespace: "fuzz")
    private static let queue = keys.flatMap { try? QueueKeys("fuzz", in: $0) }

    static func read(_ values: [RedisValue]) {
        var machine = TickMachine(
            Timetable(.every(.seconds(10), phase: .seconds(3), runOnStart: true), worker: "w"))
        for value in values {
            let reply = RedisReply(value: value, sentAt: .now)
            readLock(reply)
            readMessages(reply)
            readOthers(reply)
            readRegistry(value)
            readTick(reply, &machine)
        }
    }

    private static func readLock(_ reply: RedisReply) {
        if case .granted(let fence?, let sentAt)? = LeaseClaim.Answer(reply) {
            _ = LeaseState(lease: LeaseTerm(lease), sentAt: sentAt.wrappedValue)
            _ = "\(fence)"
        }
        for holder in [reply.value.array.flatMap { Holder(reply: $0[...]) }, refusal(reply)] {
            guard let holder else { continue }
            _ = "\(holder)"
            _ = try? OnceRecord(holder.value, at: "key")
            var room = WaitingRoom()
            room.enter("token", until: .now)
            _ = room.refused(
                "token", reason: .check, by: holder, queuedAnew: true, isListening: true, sentAt: .now,
                at: .now)
        }
    }

    private static func refusal(_ reply: RedisReply) -> Holder? {
        guard case .refused(let holder, _, _)? = LeaseClaim.Answer(reply) else { return nil }
        return holder
    }

    private static func readMessages(_ reply: RedisReply) {
        let token = "0123456789abcdef0123456789abcdef"
        if let batch = MessageClaim.Batch(reply, token: token, lease: lease) {
            var state = ConsumerState<Settlement>(concurrency: 4)
            if let wanted = state.claim(at: .now) {
                _ = state.claimed(
                    batch.claims.count, of: wanted, takenOver: batch.takenOver, nextDue: batch.nextDue,
                    at: .now)
                _ = (state.nextDue, state.takeOvers(at: .now))
            }
            for claim in batch.claims {
                _ = RetryPolicy().verdict(afterFailed: claim.attempt, reason: "", random: 0.5)
                _ = (claim.owner, claim.isHeld, claim.remaining)
                _ = (MessageKind(claim.type), MessageRoutes.leave(after: claim.age, random: 0.5))
                _ = try? MessageQueue<[String: [Double]]>.decode(claim.body, by: JSONDecoder())
            }
            if let claim = batch.claims.first, let queue {
                let settlement = Settlement(claim: claim, verdict: .giveBack)
                read(reply, .settle([settlement], queue: queue, options: ConsumerOptions()))
                read(reply, .renew([claim], of: queue, lease: lease))
            }
        }
        guard let queue else { return }
        read(reply, .stats(of: queue))
        read(reply, .look("id", entry: "1-0", in: queue))
        read(reply, .deadLetters(from: "-", limit: 1, of: queue))
        read(reply, .find("id", in: queue.stream, from: "-", prefix: ""))
        read(reply, .enqueue([("id", [])], type: "", [], to: queue))
        read(reply, .replay(["1-0"], to: queue))
        read(reply, .discard(["1-0"], remembering: nil, from: queue))
    }

    private static func readOthers(_ reply: RedisReply) {
        read(reply, .inspect(key: "lock", fence: "fence"))
        read(reply, .waiters(ofLock: "lock", limit: 1))
        read(reply, .fencedRead(keys: ["value", "guard"]))
        read(
            reply,
            .fencedWrite([], fence: FencingToken(rawValue: 1), lifetime: nil, keys: ["value", "guard"]))
    }

    private static func read<Answer>(_ reply: RedisReply, _ call: ScriptCall<Answer>) {
        _ = (try? call.answer(reply)).map { "\($0)" }
    }

    private static func readRegistry(_ value: RedisValue) {
        _ = Instance.registered(value)
        for key in value.array ?? [] {
            guard let text = key.string else { continue }
            _ = keys?.name(inKey: text, part: "lock")
            _ = Instance.id(inToken: text)
        }
        _ = (value.integer, value.string, value.bytes)
    }

    /// The replies of one server reach one machine, one after another.
    private static func readTick(_ reply: RedisReply, _ machine: inout TickMachine) {
        guard let answer = TickAnswer(reply) else { return }
        machine.answered(answer, at: .now)
        _ = machine.next(at: .now)
    }
}
