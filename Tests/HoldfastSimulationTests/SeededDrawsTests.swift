import HoldfastSimulation
import RedisTestRig
import Testing

@Suite struct SeededDrawsTests {
    @Test func `It gives the numbers of the published reference`() {
        var random = SeededGenerator(seed: 1_234_567)
        #expect(
            (0..<5).map { _ in random.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
    }

    @Test func `Numbers below a bound reach both ends and never leave them`() {
        var random = SeededGenerator(seed: 1)
        #expect(Set((0..<1000).map { _ in random.below(7) }) == Set(0..<7))
    }

    @Test func `A shuffle keeps every element`() {
        var random = SeededGenerator(seed: 3)
        var numbers = Array(0..<100)
        random.shuffle(&numbers)
        #expect(numbers != Array(0..<100))
        #expect(numbers.sorted() == Array(0..<100))
    }
}
