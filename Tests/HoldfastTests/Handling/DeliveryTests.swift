import Foundation
import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

@Suite("What a handler is told, and gives back")
struct DeliveryTests {
    @Test("it knows the priority, when the message was added, and its last attempt", arguments: Backend.all)
    func facts(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let seen = Record<(Int, SendOptions.Priority, Date, Int, Bool)>()
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders, options: .quick(attempts: 2)) { order, delivery in
                seen.add(
                    (
                        order.number, delivery.priority, delivery.enqueuedAt, delivery.attempt,
                        delivery.isLastAttempt
                    ))
                return delivery.isLastAttempt ? .commit : .retry()
            }
            var entries: [Int: String] = [:]
            let priorities: [Int: SendOptions.Priority] = [1: .high, 2: .normal, 3: .low]
            for (number, priority) in priorities {
                let sent = try await orders.send(
                    Order(number: number, cents: 0), id: "\(number)", options: SendOptions(priority: priority)
                )
                guard case .enqueued(let entry) = sent else {
                    Issue.record("\(number) was not enqueued")
                    return
                }
                entries[number] = entry
            }
            try await holdfast.whileRunning {
                let isDrained = try await orders.isDrained()
                #expect(isDrained)
            }
            #expect(seen.count == 6)
            for (number, priority, enqueuedAt, attempt, isLast) in seen.all {
                #expect(priority == priorities[number])
                let born = Int64((enqueuedAt.timeIntervalSince1970 * 1000).rounded())
                // The priority's letter stands before the number.
                #expect(entries[number]?.drop { !$0.isNumber }.hasPrefix("\(born)-") == true)
                #expect(isLast == (attempt == 2))
            }
        }
    }

    @Test("in a batch and by the type's own policy it knows its last attempt, too", arguments: Backend.all)
    func lastOfBatch(_ backend: Backend) async throws {
        struct Placed: VersionedMessage {
            static let messageType = "placed"
        }
        try await withHoldfast(on: backend) { holdfast, _ in
            let seen = Record<Bool>()
            holdfast.handle("orders", options: .quick(attempts: 9)) { handlers in
                handlers.on(batchesOf: 3, Placed.self, retry: .atMostOnce) { messages in
                    messages.map { message in
                        seen.add(message.delivery.isLastAttempt)
                        return .commit
                    }
                }
            }
            let orders = holdfast.queue("orders", of: Placed.self)
            try await holdfast.whileRunning {
                try await orders.send(Placed(), id: "1")
                #expect(await eventually { seen.all == [true] })
                #expect(try await orders.isDrained())
            }
        }
    }

    @Test("what a handler gives back comes again as the same attempt, when it said", arguments: Backend.all)
    func givesBack(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let attempts = Record<Int>()
            let orders = holdfast.queue("orders", of: Order.self)
            holdfast.handle(orders, options: .quick(attempts: 1)) { _, delivery in
                attempts.add(delivery.attempt)
                return attempts.count < 4 ? .giveBack(after: .milliseconds(5)) : .commit
            }
            try await holdfast.whileRunning {
                try await orders.send(Order(number: 1, cents: 0), id: "1")
                #expect(await eventually { attempts.count == 4 })
                #expect(try await orders.isDrained())
                #expect(try await orders.status().dead == 0)
            }
            #expect(attempts.all == [1, 1, 1, 1])
        }
    }

    @Test("what is given back without a time comes again within a minute, the older the later")
    func givesBackByAge() async throws {
        let clock = ManualClock()
        let memory = try InMemoryRedis(clock: clock, logger: .quiet)
        let holdfast = try memory.holdfast()
        let times = Record<Duration>()
        let start = clock.now
        let orders = holdfast.queue("orders", of: Order.self)
        holdfast.handle(orders, options: .quick(attempts: 1)) { _, _ in
            times.add(clock.now - start)
            return .giveBack()
        }
        let running = Task { try await holdfast.run() }
        try await orders.send(Order(number: 1, cents: 0), id: "1")
        await clock.advance(by: .seconds(300))
        let pauses = zip(times.all, times.all.dropFirst()).map { $1 - $0 }
        #expect(pauses.count >= 5, "looked at at \(times.all)")
        #expect(pauses.allSatisfy { $0 >= .milliseconds(500) && $0 <= .seconds(61) })
        #expect(pauses.first! <= .seconds(2) && pauses.last! >= .seconds(30))
        running.cancel()
        try await running.value
    }

    @Test("what is tried at most once is dead if its handler gives it back", arguments: Backend.all)
    func givesBackAtMostOnce(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let orders = holdfast.queue("orders", of: Order.self)
            var options = ConsumerOptions()
            options.retry = .atMostOnce
            holdfast.handle(orders, options: options) { _, _ in .giveBack() }
            try await holdfast.whileRunning {
                try await orders.send(Order(number: 1, cents: 0), id: "1")
                #expect(try await eventually { try await orders.status().dead == 1 })
                let reason = try await QueueBench(holdfast, "orders").deadLetters().first?["reason"]
                #expect(reason?.contains("gave it back") == true)
            }
        }
    }
}
