import Testing

@testable import HoldfastTool

@Suite struct DurationTextTests {
    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("10s", .seconds(10)), ("1.5s", .milliseconds(1500)),
        ("2m", .seconds(120)), ("0.25h", .seconds(900)), ("0s", .zero), ("1.005s", .milliseconds(1005)),
    ])
    func `A number with a unit is a duration`(text: String, duration: Duration) {
        #expect(DurationText.parse(text) == duration)
    }

    @Test(arguments: [
        "", "5", "s", "-1s", "1 s", "1S", "1.s", ".5s", "1e3s", "1s2", "9999999999s", "1.0001s",
    ])
    func `Anything else is none`(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: [
        (Duration.zero, "0ms"), (.milliseconds(85), "85ms"), (.seconds(30), "30s"),
        (.milliseconds(8250), "8.2s"),
        (.seconds(123), "2m 03s"), (.seconds(11_220), "3h 07m"), (.seconds(352_800), "4d 02h"),
        (.seconds(-1), "0ms"),
    ])
    func `Durations are shown short`(duration: Duration, text: String) {
        #expect(DurationText.short(duration) == text)
    }

    @Test func `Waiting may be without end`() {
        #expect(WaitArgument(argument: "forever") == .forever)
        #expect(WaitArgument(argument: "5s")?.limit == .seconds(5))
        #expect(WaitArgument(argument: "5") == nil)
    }

    @Test(arguments: ["0h", "500ms", "1500ms", "30s", "90s", "5m", "24h"])
    func `A default is shown as it can be given`(text: String) throws {
        #expect(DurationText.exact(try #require(DurationText.parse(text))) == text)
    }
}
