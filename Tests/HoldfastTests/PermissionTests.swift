import Foundation
import HoldfastTesting
import Logging
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// The documented ACL rule of docs/operations.md: sufficient, and nothing in it that is not needed.
@Suite("The permissions of the Redis user")
struct PermissionTests {
    /// The rules after `ACL SETUSER holdfast`, for the namespace `t`.
    static let documented: [String] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/operations.md").standardizedFileURL
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("ACL SETUSER holdfast ") } ?? ""
        return line.replacing("billing", with: "t").split(separator: " ").dropFirst(3).map(String.init)
    }()

    static let commands = documented.filter { $0.hasPrefix("+") }.map { String($0.dropFirst()) }

    /// Runs `body` with a server that has the documented user, without the permission `missing`, and with an
    /// administrator and a client as that user.
    private func withUser(
        without missing: String? = nil,
        _ body: @Sendable (_ admin: Holdfast, _ user: Holdfast) async throws -> Void
    ) async throws {
        try await withHoldfast { admin, server in
            try #require(Self.commands.count > 30)
            let rules = Self.documented.filter { $0 != missing }
            #expect(missing == nil || rules.count == Self.documented.count - 1)
            _ = try await admin.core.link.send(
                RedisCommand(["ACL", "SETUSER", "user"] + rules.map(RedisArgument.string)))
            try await admin.redis("ACL", "LOG", "RESET")
            var configuration = Holdfast.Configuration()
            configuration.credentials = { RedisCredentials(user: "user", password: "CHANGE_ME") }
            let user = try Holdfast(
                redis: server.url, namespace: "t", configuration: configuration, logger: .quiet)
            do {
                try await body(admin, user)
            } catch {
                await user.close()
                throw error
            }
            await user.close()
        }
    }

    @Test("those documented suffice for locks, workers, queues, once and inspection: the ACL LOG stays empty")
    func sufficient() async throws {
        struct Counter: PeriodicWorker {
            let name = "counter"
            let schedule = Schedule.every(.milliseconds(50))
            let runs: Record<Int64>

            func run(_ tick: Tick) async throws { runs.add(Int64(runs.count)) }
        }
        try await withUser { admin, user in
            let runs = Record<Int64>()
            let handled = Record<Int>()
            user.add(Counter(runs: runs))
            let orders = user.queue("orders", of: Order.self)
            user.handle(orders, options: .quick()) { order, delivery in
                handled.add(order.number)
                if order.number == 1, delivery.attempt == 1 { return .retry(after: .milliseconds(1)) }
                if order.number == 2 { return .deadLetter("test") }
                return .commit { effects in effects.increment("cents", by: order.cents) }
            }
            try await user.whileRunning {
                for number in 0..<3 {
                    try await orders.send(Order(number: number, cents: 1), id: "\(number)")
                }
                #expect(await eventually { runs.count >= 2 && handled.count >= 4 })
                #expect(await eventually { (try? await orders.status().isDrained) == true })
                for operation in Self.operations { try await operation.run(admin, user) }
            }
            let log = try await admin.redis("ACL", "LOG").array ?? []
            #expect(log.isEmpty, "\(log)")
        }
    }

    @Test("each of them is needed: without it, something fails and the error names it", arguments: commands)
    func needed(command: String) async throws {
        try await withUser(without: "+\(command)") { admin, user in
            try await admin.redis("SCRIPT", "FLUSH")
            var said: [String] = []
            for operation in Self.operations {
                do {
                    try await operation.run(admin, user)
                } catch let error as HoldfastError {
                    #expect(error.code == .permissionDenied, "\(operation.name): \(error)")
                    // Of once the body has run, unless its claim was refused.
                    #expect(!error.mayHaveHappened || operation.name == "doing once")
                    said.append(error.message)
                } catch let error as RedisError {
                    #expect(error.code == .permissionDenied, "\(operation.name): \(error)")
                    said.append(HoldfastError(error, operation.name).message)
                }
            }
            // Redis 6.2 names a command without its subcommand. It cannot be asked for permissions
            // beforehand, and does not name the effects' own writes.
            let canBeAsked = try await Self.canBeAsked(admin)
            let name = canBeAsked ? command : String(command.prefix { $0 != "|" })
            let grants = said.filter { $0.contains("grant +") && $0.contains("+\(name)") }
            if !canBeAsked, said.contains(where: { $0.contains("does not name") }) { return }
            #expect(!grants.isEmpty, "nothing needed \(command); said was: \(said)")
        }
    }

    @Test("keys and channels of another namespace are refused, also inside scripts, and the key is named")
    func otherNamespace() async throws {
        try await withUser { admin, user in
            let key = ["other:{a}:lock"]
            for script in [Scripts.release, Scripts.renew, Scripts.inspect] {
                let error = await #expect(throws: RedisError.self) {
                    _ = try await user.core.link.evaluate(
                        script, keys: key + ["other:{a}:fence"], arguments: ["token", "1000"])
                }
                #expect(error?.permission?.kind == .key)
                #expect(error?.permission?.names.first == "other:{a}:lock")
                #expect(error?.delivery == .refused)
            }
            let channel = await #expect(throws: RedisError.self) {
                _ = try await user.core.link.send(["PUBLISH", "other:{q}:wake", ""])
            }
            #expect(channel?.permission?.kind == .channel)
        }
    }

    @Test(
        "who may not be told of grants is refused a wait instead of starving, until the permission is there")
    func noMessages() async throws {
        try await withUser(without: "&t:*") { admin, user in
            let held = try await admin.acquire("a")
            #expect(try await user.tryAcquire("a").lease == nil)
            let error = await #expect(throws: HoldfastError.self) { try await user.acquire("a") }
            #expect(error?.code == .permissionDenied)
            #expect(error?.mayHaveHappened == false)
            #expect(error?.message.contains("grant &t:wake:*") == true, "\(error?.message ?? "")")
            try await admin.redis("ACL", "SETUSER", "user", "&t:*")
            let waiter = Task { try await user.acquire("a") }
            #expect(try await eventually { try await admin.redis("ZCARD", "t:{a}:waiters").integer == 1 })
            try await held.release()
            try await waiter.value.release()
        }
    }

    @Test(
        "a queue whose user lacks a permission for a write leaves everything as it was",
        arguments: ["xdel", "zrem", "hdel", "zadd", "hset", "xadd", "incrby", "zrangebyscore", "publish"])
    func nothingHalfDone(command: String) async throws {
        try await withUser { admin, user in
            let bench = try QueueBench(user)
            // Redis 6.2 cannot be asked; docs/operations.md says so.
            guard try await Self.canBeAsked(admin) else { return }
            _ = try await bench.enqueue("a")
            let claim = try #require(try await bench.claim().claims.first)
            try await admin.redis("ACL", "SETUSER", "user", .string("-\(command)"))
            let store = try user.store(ofQueue: bench.keys.name)
            for call in [
                { _ = try await bench.settle([(claim, .commit { $0.increment("n", by: 1) })]) },
                { _ = try await bench.enqueue("b") },
                { _ = try await store.setPaused(true) },
            ] as [@Sendable () async throws -> Void] {
                let before = try await Self.contents(admin)
                do {
                    try await call()
                } catch {
                    let after = try await Self.contents(admin)
                    #expect(after == before, "\(error)")
                }
            }
            try await admin.redis("ACL", "SETUSER", "user", .string("+\(command)"))
            let answers = try await bench.settle([(claim, .commit { $0.increment("n", by: 1) })])
            #expect(answers == ["committed"] || answers == ["already"])
            #expect(try await admin.redis("GET", bench.effect("n")).string == "1", "the effect is there once")
        }
    }

    @Test("a record of once that may not be written leaves the claim as it was")
    func recordRefused() async throws {
        try await withUser { admin, user in
            guard try await Self.canBeAsked(admin) else { return }
            try await admin.redis("SET", "t:{s}:once:a", "token")
            try await admin.redis("ACL", "SETUSER", "user", "-set")
            let error = await #expect(throws: RedisError.self) {
                _ = try await user.core.link.evaluate(
                    Scripts.complete, keys: ["t:{s}:once:a"], arguments: ["token", "done", "1000"])
            }
            #expect(error?.code == .permissionDenied)
            #expect(try await admin.redis("GET", "t:{s}:once:a").string == "token")
        }
    }

    private static func canBeAsked(_ admin: Holdfast) async throws -> Bool {
        try await admin.redis("EVAL", "return redis.acl_check_cmd and 1 or 0", "0").integer == 1
    }

    private static func contents(_ admin: Holdfast) async throws -> [String: [UInt8]] {
        var contents: [String: [UInt8]] = [:]
        for key in try await admin.redis("KEYS", "*").array ?? [] {
            guard let name = key.string, !name.contains("instances") else { continue }
            contents[name] = try await admin.redis("DUMP", .string(name)).bytes
        }
        return contents
    }

    // MARK: Operations

    struct Operation: Sendable {
        var name: String
        var run: @Sendable (_ admin: Holdfast, _ user: Holdfast) async throws -> Void
    }

    /// Everything that a user's code or the library's own loops ask of Redis, each as one step that throws.
    static let operations: [Operation] = [
        Operation(name: "connecting") { _, user in try await user.connect() },
        Operation(name: "asking for the eviction policy") { _, user in
            _ = try await EvictionCheck.policy(of: user.core.link)
        },
        Operation(name: "locking") { _, user in
            let lease = try #require(try await user.tryAcquire("a").lease)
            _ = try await user.tryAcquire("a")
            _ = try await user.tryAcquire("a", fenced: false)
            _ = try await user.lockStatus("a")
            try await lease.release()
        },
        Operation(name: "renewing") { admin, user in
            try await admin.redis("SET", "t:{r}:lock", "token")
            _ = try await user.core.link.evaluate(
                Scripts.renew, keys: ["t:{r}:lock"], arguments: ["token", "1000"])
        },
        Operation(name: "listing") { admin, user in
            _ = try await user.locks()
            _ = try await user.instances()
            _ = try await user.queues()
            try await admin.redis("DEL", "t:{list}:lock")
            try await admin.redis("RPUSH", "t:{list}:lock", "x")
            _ = try await user.lockStatus("list")
            try await admin.redis("DEL", "t:{list}:lock")
        },
        Operation(name: "beating") { _, user in
            let core = user.core
            _ = try await core.link.evaluate(
                Scripts.beat, keys: core.keys.instances, arguments: ["i", "{}", "60000"])
        },
        Operation(name: "writing under a fence") { _, user in
            _ = try await user.fencedWrite("value", [1], fence: FencingToken(rawValue: 1))
            _ = try await user.fencedRead("value")
        },
        Operation(name: "ticking") { _, user in
            let bench = TickBench(holdfast: user)
            let answer = try await bench.look("i:a", seed: 1)
            let cursor = try #require(answer.cursor)
            if try await bench.look("i:a", cursor + 1, cursor: cursor).run != nil {
                try await bench.finish("i:a")
            }
        },
        Operation(name: "steering a worker") { _, user in
            _ = try await user.worker("w").status()
            let worker = user.worker("w")
            for steer in [worker.pause, worker.trigger, worker.resume] { _ = try await steer() }
        },
        Operation(name: "doing once") { _, user in
            _ = try await user.once(UUID().uuidString, in: "s") { _ in 1 }
        },
        Operation(name: "handling") { _, user in
            let bench = try QueueBench(user)
            let ids = (0..<3).map { "\(UUID().uuidString)-\($0)" }
            for id in ids { _ = try await bench.enqueue(id) }
            let claims = try await bench.claim().claims
            _ = try await bench.renew(claims, lease: .seconds(60))
            for claim in claims {
                let verdict: Settlement.Verdict =
                    switch claim.id.last {
                    case "1": .bury(reason: "test")
                    case "2": .giveBack
                    default:
                        .commit { effects in
                            effects.increment("number", by: 1)
                            effects.increment(field: "f", inHash: "hash", by: 1)
                            effects.set(field: "f", inHash: "fields", to: "x")
                            effects.add("x", toSet: "set")
                            effects.append("x", toList: "list")
                            effects.set("text", to: "x")
                        }
                    }
                _ = try await bench.settle([(claim, verdict)])
            }
            _ = try await bench.status()
            let store = try user.store(ofQueue: bench.keys.name)
            let options = SendOptions(
                .after(.milliseconds(1)), priority: .high, key: "k",
                unique: .init(UUID().uuidString, for: .seconds(60)), origin: .init(made: .now))
            _ = try await store.enqueue([(id: UUID().uuidString, body: [])], type: "", [options])
            _ = try await bench.claim()
            _ = try await store.message(ids[0])
            _ = try await store.setPaused(true)
            _ = try await store.setPaused(false)
            _ = try await store.replay(store.deadLetters().map(\.entry))
        },
        Operation(name: "registering a queue") { _, user in
            _ = try await user.core.link.send(["SADD", "t:queues", "q"])
        },
        Operation(name: "listening") { _, user in
            for command in ["SUBSCRIBE", "UNSUBSCRIBE"] as [RedisArgument] {
                let link = try RedisLink(user.core.link.configuration, logger: .quiet)
                do {
                    _ = try await link.send([command, "t:{q}:wake"])
                } catch {
                    await link.close()
                    throw error
                }
                await link.close()
            }
        },
    ]
}
