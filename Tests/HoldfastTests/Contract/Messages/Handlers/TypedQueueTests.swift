import HoldfastTesting
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

private struct Placed: VersionedMessage {
    static let messageType = "placed"
    var number: Int
}

private struct PlacedNow: VersionedMessage {
    static let messageType = "placed"
    static let messageVersion = 2
    var number: Int
    var channel: String?
}

private struct Cancelled: VersionedMessage {
    static let messageType = "cancelled"
    var number: Int
}

@Suite("A queue that carries several types")
struct TypedQueueTests {
    @Test(
        "gives each message to the handler of its type, which has a retry policy of its own",
        arguments: Backend.all)
    func types(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let seen = Record<String>()
            holdfast.handle("orders", options: .quick(attempts: 4)) { handlers in
                handlers.on(Placed.self) { message, delivery in
                    seen.add("\(delivery.type) \(message.number)")
                    return .commit
                }
                let never = RetryPolicy(attempts: 1)
                handlers.on(Cancelled.self, retry: never) { message, delivery in
                    seen.add("\(delivery.type) \(message.number)")
                    return .retry()
                }
            }
            let placed = holdfast.queue("orders", of: Placed.self)
            try await holdfast.whileRunning {
                try await placed.send(Placed(number: 1), id: "1")
                try await holdfast.queue("orders", of: Cancelled.self).send(Cancelled(number: 2), id: "2")
                // One that names no type could be either.
                _ = try await QueueBench(holdfast, "orders").add("id", "3", "body", #"{"number":3}"#)
                #expect(try await eventually { try await placed.status().dead == 2 })
                #expect(try await eventually { try await placed.status().isDrained })
            }
            #expect(Set(seen.all) == ["placed 1", "cancelled 2"] && seen.count == 2)
        }
    }

    @Test(
        "leaves a newer version to an instance that knows it, without using up an attempt",
        arguments: Backend.all)
    func rollingDeploy(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { old, server in
            let seen = Record<String>()
            old.handle(old.queue("orders", of: Placed.self), options: .quick(attempts: 1)) { message, _ in
                seen.add("old \(message.number)")
                return .commit
            }
            let orders = old.queue("orders", of: PlacedNow.self)
            try await old.whileRunning {
                try await orders.send(PlacedNow(number: 2, channel: "web"), id: "2")
                try await old.queue("orders", of: Placed.self).send(Placed(number: 1), id: "1")
                #expect(
                    try await eventually {
                        let stats = try await orders.status()
                        return seen.count == 1 && stats.delayed == 1 && stats.inFlight == 0
                    })
                let new = try client(of: server)
                new.handle(new.queue("orders", of: PlacedNow.self), options: .quick(attempts: 1)) {
                    message, delivery in
                    seen.add("new \(message.number) \(message.channel ?? "-") \(delivery.attempt)")
                    return .commit
                }
                try await new.whileRunning {
                    try await old.queue("orders", of: Placed.self).pause()
                    try await old.queue("orders", of: Placed.self).resume()
                    #expect(
                        try await eventually(within: .seconds(60)) { try await orders.status().isDrained })
                }
            }
            #expect(seen.all == ["old 1", "new 2 web 1"])
        }
    }

    @Test(
        "does not bury a newer version that has had more attempts elsewhere than it would give",
        arguments: Backend.all)
    func moreAttemptsElsewhere(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { old, server in
            let new = try client(of: server)
            let attempts = Record<Int>()
            new.handle(new.queue("orders", of: PlacedNow.self), options: .quick(attempts: 100)) {
                _, delivery in
                attempts.add(delivery.attempt)
                return .retry()
            }
            let orders = old.queue("orders", of: PlacedNow.self)
            try await new.whileRunning {
                try await orders.send(PlacedNow(number: 2, channel: "web"), id: "2")
                #expect(await eventually { attempts.count >= 4 })
            }
            let seen = Record<Int>()
            old.handle(old.queue("orders", of: Placed.self), options: .quick(attempts: 2)) { message, _ in
                seen.add(message.number)
                return .commit
            }
            try await old.whileRunning {
                // Each is claimed together with what is due.
                for number in 1...5 {
                    let placed = old.queue("orders", of: Placed.self)
                    try await placed.send(Placed(number: number), id: "old \(number)")
                    #expect(await eventually { seen.count == number })
                }
                #expect(try await eventually { try await orders.status().inFlight == 0 })
                #expect(try await orders.status().dead == 0)
                #expect(try await orders.status().delayed == 1)
            }
        }
    }

    @Test("reads older versions of a type with the newer one", arguments: Backend.all)
    func olderVersions(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let seen = Record<String>()
            holdfast.handle("orders") { handlers in
                handlers.on(PlacedNow.self) { message, delivery in
                    seen.add("\(delivery.type) \(message.channel ?? "-")")
                    return .commit
                }
            }
            try await holdfast.whileRunning {
                try await holdfast.queue("orders", of: Placed.self).send(Placed(number: 1), id: "1")
                #expect(await eventually { seen.all == ["placed -"] })
            }
        }
    }

    @Test("makes the run throw when it handles no type, or a policy cannot be used")
    func invalid() async throws {
        try await withPrivateRedisServer { server in
            for register in [
                { _ in },
                { $0.on(Placed.self, retry: RetryPolicy(attempts: 0)) { _, _ in .commit } },
            ] as [@Sendable (inout MessageHandlers) -> Void] {
                let holdfast = try client(of: server)
                holdfast.handle("orders", by: register)
                let error = await #expect(throws: HoldfastError.self) { try await holdfast.run() }
                #expect(error?.code == .invalidArgument)
            }
        }
    }
}
