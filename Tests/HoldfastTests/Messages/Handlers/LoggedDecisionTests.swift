import HoldfastTesting
import Logging
import TestSupport
import Testing

@testable import Holdfast

@Suite("A message that its handler gives up")
struct LoggedDecisionTests {
    @Test("is in the log, whichever way it went among the dead letters")
    func dead() async throws {
        let lines = Record<String>()
        let memory = try InMemoryRedis(logger: .recording(lines))
        let holdfast = try memory.holdfast()
        let orders = holdfast.queue("orders", of: Order.self)
        holdfast.handle(orders, options: .quick(attempts: 2)) { order, _ in
            order.number == 0 ? .deadLetter("no such street") : .retry(after: .milliseconds(1))
        }
        try await holdfast.whileRunning {
            for number in 0..<2 {
                try await orders.send(Order(number: number, cents: 0), id: "\(number)")
            }
            #expect(await eventually(within: .seconds(60)) { (try? await orders.status().dead) == 2 })
        }
        #expect(lines.all.contains("warning: its handler dead-lettered the message: no such street"))
        #expect(lines.all.contains("error: the message is dead: its last attempt asked for another one"))
    }
}
