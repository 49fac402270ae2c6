import Testing

@testable import Holdfast

@Suite("The pause of a refused caller")
struct ParkingTests {
    let start = ContinuousClock.now

    func holder(remaining: Int64) -> Holder {
        Holder(value: "x", remainingMilliseconds: remaining, fenceEntry: nil, nowMicroseconds: 0)
    }

    @Test("grows to a quarter of a second and is random in length")
    func growth() {
        var parking = Parking(began: start, limit: nil)
        var longest = Duration.zero
        for _ in 0..<12 {
            longest = parking.refused(by: holder(remaining: 60_000), at: start, random: 1) ?? .zero
        }
        #expect(longest == .milliseconds(250))
        #expect(parking.refused(by: holder(remaining: 60_000), at: start, random: 0) == .milliseconds(125))
    }

    @Test("ends when the holder's lease ends")
    func holderEnds() {
        var parking = Parking(began: start, limit: nil)
        #expect(parking.refused(by: holder(remaining: 3), at: start, random: 1) == .milliseconds(4))
    }

    @Test("ends at the limit, after which there is none")
    func limit() {
        var parking = Parking(began: start, limit: .milliseconds(7))
        let last = parking.refused(by: holder(remaining: -1), at: start + .milliseconds(2), random: 1)
        #expect(last == .milliseconds(5))
        #expect(parking.refused(by: holder(remaining: -1), at: start + .milliseconds(7), random: 1) == nil)
        var none = Parking(began: start, limit: .zero)
        #expect(none.refused(by: holder(remaining: 1), at: start, random: 1) == nil)
    }
}
