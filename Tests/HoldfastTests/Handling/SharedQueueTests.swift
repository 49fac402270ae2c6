import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

private struct Placed: VersionedMessage {
    static let messageType = "placed"
}

@Suite("Two handlers of one queue", .timeLimit(.minutes(1)))
struct SharedQueueTests {
    /// Why a client cannot run.
    private func problem(_ add: (Holdfast) -> Void) async throws -> HoldfastError? {
        let holdfast = try Holdfast.inMemory(logger: .quiet)
        add(holdfast)
        return await #expect(throws: HoldfastError.self) { try await holdfast.run() }
    }

    @Test("are refused by an error that names the queue")
    func refused() async throws {
        for second in 1...3 {
            let error = try await problem { holdfast in
                let orders = holdfast.queue("orders", of: Placed.self)
                holdfast.handle(orders) { _, _ in .commit }
                switch second {
                case 1: holdfast.handle(orders) { _, _ in .commit }
                case 2: holdfast.handle(batchesOf: 2, from: orders) { $0.map { _ in .commit } }
                default: holdfast.handle("orders") { $0.on(Placed.self) { _, _ in .commit } }
                }
            }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("the queue orders has a handler already") == true)
        }
    }

    @Test("are those of two queues where the names differ by a byte")
    func bytes() async throws {
        let holdfast = try Holdfast.inMemory(logger: .quiet)
        let seen = Record<Int>()
        let names = ["caf\u{E9}", "cafe\u{301}"]
        for name in names {
            holdfast.handle(holdfast.queue(name, of: Order.self)) { order, _ in
                seen.add(order.number)
                return .commit
            }
        }
        try await holdfast.whileRunning {
            for (number, name) in names.enumerated() {
                try await holdfast.queue(name, of: Order.self).send(Order(number: number, cents: 0), id: "1")
            }
            #expect(await eventually { Set(seen.all) == [0, 1] })
        }
    }

    @Test("share its messages where that is said", arguments: Backend.all)
    func shared(_ backend: Backend) async throws {
        try await withHoldfast(on: backend) { holdfast, _ in
            let seen = Record<String>()
            let orders = holdfast.queue("orders", of: Order.self)
            var options = ConsumerOptions.quick(concurrency: 1)
            let bothBusy = Gate()
            holdfast.handle(orders, options: options) { _, _ in
                seen.add("first")
                try await bothBusy.pass()
                return .commit
            }
            options.sharesQueue = true
            holdfast.handle(orders, options: options) { _, _ in
                seen.add("second")
                try await bothBusy.pass()
                return .commit
            }
            try await holdfast.whileRunning {
                try await orders.send(contentsOf: (1...2).map { ("\($0)", Order(number: $0, cents: 0)) })
                #expect(await eventually { Set(seen.all) == ["first", "second"] })
                bothBusy.open()
                #expect(try await orders.isDrained())
            }
        }
    }

    @Test("of one type are refused in one handler of several types, too")
    func types() async throws {
        let error = try await problem { holdfast in
            holdfast.handle("orders") { handlers in
                handlers.on(Placed.self) { _, _ in .commit }
                handlers.on(batchesOf: 2, Placed.self) { $0.map { _ in .commit } }
            }
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("placed") == true)
    }
}
