import Foundation
import Holdfast
import HoldfastTesting
import Testing

// Types of a service that are called like Holdfast's.
private struct Delivery {}
private struct Schedule {}
private struct Instance {}
private struct Health {}
private struct Decision {}
private struct Lease {}

@Suite("A service whose types are called like Holdfast's")
struct OwnNamesTests {
    @Test("names those of the module")
    func names() {
        let delivery: Holdfast::Delivery = .forTest(id: "a")
        let schedule: Holdfast::Schedule = .every(.seconds(1))
        let lease: Holdfast::Lease = .forTest("b")
        let decision: Holdfast::Decision = .commit
        #expect(delivery.id == "a" && schedule.description == "every 1s" && lease.name == "b")
        #expect(decision.kind == .commit)
        #expect(
            "\(Holdfast::Health.self) \(Holdfast::Instance.self)" == "Health Instance")
        #expect(type(of: Delivery()) != Holdfast::Delivery.self as Any.Type)
    }
}
