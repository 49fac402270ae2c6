import Testing

@testable import Holdfast

@Suite("A schedule")
struct ScheduleTests {
    @Test(
        "has its slots at multiples of the period, shifted by the phase",
        arguments: [
            (Schedule.every(.seconds(10)), 25_000, 20_000, 30_000),
            (.every(.seconds(10)), 20_000, 20_000, 30_000),
            (.every(.seconds(10), phase: .seconds(3)), 25_000, 23_000, 33_000),
            (.every(.seconds(10), phase: .seconds(3)), 22_999, 13_000, 23_000),
            (.every(.seconds(10), phase: .seconds(23)), 25_000, 23_000, 33_000),
            (.every(.seconds(10), phase: .seconds(-7)), 25_000, 23_000, 33_000),
            (.every(.milliseconds(1)), 7, 7, 8),
            (.every(.seconds(10)), -1, -10_000, 0),
        ] as [(Schedule, Int64, Int64, Int64)])
    func slots(schedule: Schedule, now: Int64, newest: Int64, next: Int64) {
        #expect(schedule.newest(notAfter: now) == newest)
        #expect(schedule.first(after: now) == next)
    }

    @Test("refuses a period that is no whole millisecond")
    func tooShort() async {
        await #expect(processExitsWith: .failure) {
            _ = Schedule.every(.microseconds(999))
        }
    }
}
