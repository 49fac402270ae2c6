import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@testable import Holdfast

/// The end of a consumer's time to stop, at its worst moments.
@Suite("A consumer at the deadline of its stop")
struct StopDeadlineTests {
    private static func stopping(
        _ url: String, deadline: Duration = .milliseconds(100), lease: Duration = .milliseconds(500)
    ) throws -> Holdfast {
        var configuration = Holdfast.Configuration()
        configuration.stopDeadline = deadline
        configuration.lease = lease
        configuration.commandTimeout = .seconds(1)
        return try Holdfast(redis: url, namespace: "t", configuration: configuration, logger: .quiet)
    }

    @Test("keeps the claim of what ignores its cancellation, and takes its word")
    func stubborn() async throws {
        try await withHoldfast { observer, server in
            let holdfast = try Self.stopping(server.url, lease: .milliseconds(4500))
            let outcomes = Record<String>()
            let end = Gate()
            let orders = observer.queue("orders", of: Order.self)
            holdfast.handle(holdfast.queue("orders", of: Order.self), options: .quick()) { _, delivery in
                outcomes.add("began")
                await Task { try? await end.pass() }.value
                outcomes.add("\(Task.isCancelled) \(delivery.isHeld)")
                return .commit { $0.increment("n") }
            }
            try await orders.send(Order(number: 1, cents: 1), id: "a")
            let bench = try QueueBench(observer, "orders")
            let stop = Record<Bool>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await holdfast.whileRunning {
                        #expect(await eventually { outcomes.count == 1 })
                        stop.add(true)
                    }
                }
                #expect(await eventually { stop.count == 1 })
                // For a lease and more nobody else gets it.
                let isHandedOn = try await eventually(within: .milliseconds(5000)) {
                    try await !bench.claim().claims.isEmpty
                }
                #expect(!isHandedOn)
                end.open()
                try await group.waitForAll()
            }
            #expect(outcomes.all == ["began", "true true"])
            #expect(try await observer.redis("GET", bench.effect("n")).integer == 1)
            #expect(try await bench.status().isDrained)
        }
    }

    @Test("whose connection is cut as it gives back, gives back all the same, and uses up no attempt")
    func cut() async throws {
        try await withHoldfast { observer, server in
            let proxy = try FaultProxy(to: server.unixURL)
            let holdfast = try Self.stopping(proxy.url, lease: .seconds(600))
            let began = Record<Int>()
            let never = Gate()
            let orders = observer.queue("orders", of: Order.self)
            holdfast.handle(holdfast.queue("orders", of: Order.self), options: .quick(attempts: 1)) {
                order, _ in
                began.add(order.number)
                do {
                    try await never.pass()
                } catch {
                    proxy.setRules([FaultRule(.reply, of: "EVALSHA", .call(1), [.drop, .reset])])
                    throw error
                }
                return .commit
            }
            try await orders.send(contentsOf: (1...10).map { ("\($0)", Order(number: $0, cents: 0)) })
            try await holdfast.whileRunning {
                #expect(await eventually { began.count == 10 })
            }
            #expect(!proxy.log.isEmpty, "the fault was felt")
            let again = try await QueueBench(observer, "orders").claim().claims
            #expect(again.map(\.attempt) == Array(repeating: 1, count: 10))
        }
    }

    @Test("that dies before it gives back costs an attempt, and the message comes when the lease is over")
    func killed() async throws {
        try await withHoldfast { observer, server in
            let proxy = try FaultProxy(to: server.unixURL)
            let holdfast = try Self.stopping(proxy.url)
            let began = Record<Int>()
            let never = Gate()
            let orders = observer.queue("orders", of: Order.self)
            holdfast.handle(holdfast.queue("orders", of: Order.self), options: .quick()) { order, _ in
                began.add(order.number)
                do {
                    try await never.pass()
                } catch {
                    // Its process is gone at the very deadline.
                    proxy.refuseConnections(true)
                    proxy.perform([.blackHole(.request)], .request)
                    throw error
                }
                return .commit
            }
            try await orders.send(Order(number: 1, cents: 0), id: "a")
            try await holdfast.whileRunning {
                #expect(await eventually { began.count == 1 })
            }
            let heirs = try await QueueBench(observer, "orders").takeOver()
            #expect(heirs.map(\.attempt) == [2])
        }
    }
}
