import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// Two spellings of one word: one text to Swift, two to Redis.
private let (one, other) = ("caf\u{E9}", "cafe\u{301}")

@Suite("Names that only look the same")
struct LookalikeNameTests {
    private func bytes(_ texts: some Sequence<String>) -> Set<[UInt8]> { Set(texts.map { Array($0.utf8) }) }

    @Test("are two keys of effects in one settlement", arguments: Backend.all)
    func effects(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let bench = try QueueBench(holdfast)
            _ = try await bench.enqueue("a", "b")
            let claims = try await bench.claim().claims
            var effects = Effects()
            effects.set(one, to: "first")
            effects.set(other, to: "second")
            var more = Effects()
            more.increment(field: one, inHash: "h", by: 1)
            more.increment(field: other, inHash: "h", by: 2)
            more.add(one, toSet: "s")
            more.add(other, toSet: "s")
            let answers = try await bench.settle([(claims[0], .commit(effects)), (claims[1], .commit(more))])
            #expect(answers == ["committed", "committed"])
            #expect(try await holdfast.redis("GET", bench.effect(one)).string == "first")
            #expect(try await holdfast.redis("GET", bench.effect(other)).string == "second")
            #expect(try await holdfast.redis("HGET", bench.effect("h"), .string(one)).string == "1")
            #expect(try await holdfast.redis("HGET", bench.effect("h"), .string(other)).string == "2")
            #expect(try await holdfast.redis("SCARD", bench.effect("s")).integer == 2)
        }
    }

    @Test(
        "are two queues, each with its messages, its handler and its place in the list",
        arguments: Backend.all)
    func queues(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let queues = [one, other].map { holdfast.queue($0, of: Int.self) }
            let seen = [Record<Int>(), Record<Int>()]
            for (queue, seen) in zip(queues, seen) {
                holdfast.handle(queue) { number, _ in
                    seen.add(number)
                    return .commit { $0.set("n", to: "\(number)") }
                }
            }
            try await holdfast.whileRunning {
                for (number, queue) in queues.enumerated() { try await queue.send(number, id: "a") }
                #expect(await eventually { seen.allSatisfy { $0.count == 1 } })
                #expect(seen.map(\.all) == [[0], [1]])
                #expect(bytes(try await holdfast.queues().map(\.name)) == bytes([one, other]))
                for (number, queue) in queues.enumerated() {
                    let key = RedisArgument.string(try queue.effectKey("n"))
                    #expect(
                        try await eventually { try await holdfast.redis("GET", key).string == "\(number)" })
                }
            }
        }
    }

    @Test("are two families of queues: a commit of one cannot send to the other", arguments: Backend.all)
    func families(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            var effects = Effects()
            try effects.send("next", to: holdfast.queue("\(other)/packing", of: String.self))
            let keys = holdfast.core.keys
            #expect(effects.problem(in: try QueueKeys(one, in: keys), id: "a") != nil)
            #expect(effects.problem(in: try QueueKeys(other, in: keys), id: "a") == nil)
        }
    }

    @Test(
        "end their family at the slash, whatever combines with it",
        arguments: ["a/\u{301}b", "a/\u{200D}", "a/b\u{301}"])
    func slash(name: String) throws {
        let keys = try KeySpace(namespace: "t")
        let rest = try #require(name.rest(after: "a/"))
        #expect(try QueueKeys(name, in: keys).family == ExactText("a"))
        #expect(try keys.memberKey(name, "stream").isExactly("t:{a}/\(rest):stream"))
        // What takes the slash to itself from before.
        #expect(try keys.memberKey("a\u{600}/b", "stream").isExactly("t:{a\u{600}}/b:stream"))
    }

    @Test("are two types of messages, each with its own handler", arguments: Backend.all)
    func types(_ backend: Backend) async throws {
        struct One: VersionedMessage {
            static let messageType = one
            var number = 1
        }
        struct Other: VersionedMessage {
            static let messageType = other
            static let messageVersion = 2
            var number = 2
        }
        #expect(MessageKind("x\u{600}@2").version == 2)
        try await withHoldfast(on: backend) { holdfast, _ in
            let seen = [Record<Int>(), Record<Int>()]
            holdfast.handle("q") { handlers in
                handlers.on(batchesOf: 10, One.self) { messages in
                    for message in messages { seen[0].add(message.message.number) }
                    return messages.map { _ in .commit }
                }
                handlers.on(batchesOf: 10, Other.self) { messages in
                    for message in messages { seen[1].add(message.message.number) }
                    return messages.map { _ in .commit }
                }
            }
            try await holdfast.queue("q", of: One.self).send(One(), id: "a")
            try await holdfast.queue("q", of: Other.self).send(Other(), id: "b")
            try await holdfast.whileRunning {
                #expect(await eventually { seen.allSatisfy { $0.count == 1 } })
            }
            #expect(seen.map(\.all) == [[1], [2]])
        }
    }

    @Test("are two workers, and one that begins with a mark is listed", arguments: Backend.all)
    func workers(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let names = [one, other, "\u{301}x"]
            for name in names {
                holdfast.add(worker: name, .every(.seconds(86_400), runOnStart: true)) { _ in }
            }
            try await holdfast.whileRunning {
                let haveRun = try await eventually {
                    let runs = try await holdfast.workers().map(\.lastRun)
                    return runs.count == 3 && !runs.contains(nil)
                }
                #expect(haveRun)
                #expect(bytes(try await holdfast.workers().map(\.name)) == bytes(names))
            }
        }
    }

    @Test(
        "of namespaces are patterns where Redis looks for keys, and still mean themselves",
        arguments: Backend.all)
    func namespace(_ backend: Backend) async throws {
        try await backend { instances in
            let holdfast = try instances.make(Holdfast.Configuration(), namespace: "n[\u{301}*")
            let lease = try await holdfast.acquire("a")
            #expect(try await holdfast.locks().map(\.name) == ["a"])
            try await lease.release()
            await holdfast.close()
        }
    }

    @Test("are told apart in a holder, whose token may be anything")
    func holder() {
        let value = "\u{301}foreign"
        let holder = Holder(
            value: value, remainingMilliseconds: 1, fenceEntry: "1764547200000000\(value)", nowMicroseconds: 0
        )
        #expect(holder.fencingToken?.rawValue == 1_764_547_200_000_000)
    }

    @Test("are two entries of an inbox")
    func inbox() {
        let guards = [one, other].map { InboxEntry.Fence($0, FencingToken(rawValue: 1)) }
        #expect(Set(guards).count == 2)
        let entries = [
            InboxEntry(scope: one, id: "a"), InboxEntry(scope: other, id: "a"),
            InboxEntry(scope: "s", id: one),
            InboxEntry(scope: "s", id: other), InboxEntry(scope: "s", id: "a", fence: guards[0]),
            InboxEntry(scope: "s", id: "a", fence: guards[1]),
        ]
        #expect(Set(entries).count == entries.count)
        #expect(entries[0] == InboxEntry(scope: one, id: "a"))
    }
}
