import Testing

@testable import RedisLink

@Suite("How long a thread looks for a reply before it sleeps")
struct PatienceTests {
    private let now = ContinuousClock.now

    @Test("it looks in full as long as replies come in that time")
    func rewarded() {
        var patience = Patience()
        for _ in 0..<1000 {
            #expect(patience.begin(at: now) == now + Patience.longest)
            patience.ended(rewarded: true)
        }
    }

    @Test("each look in vain halves the next one, until there is one in many")
    func inVain() {
        var patience = Patience()
        var looked: Duration = .zero
        for _ in 0..<6400 {
            guard let end = patience.begin(at: now) else { continue }
            looked += end - now
            patience.ended(rewarded: false)
        }
        #expect(looked >= Patience.longest * 99 && looked <= Patience.longest * 102, "\(looked)")
    }

    @Test("one reply that comes quickly again is enough to look again")
    func again() {
        var patience = Patience()
        var waits = 0
        repeat {
            waits += 1
            if patience.begin(at: now) != nil { patience.ended(rewarded: false) }
        } while waits < 100
        while patience.begin(at: now) == nil {}
        patience.ended(rewarded: true)
        #expect(patience.begin(at: now) == now + Patience.longest)
    }
}
