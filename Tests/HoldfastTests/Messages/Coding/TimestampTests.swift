import Foundation
import RedisTestRig
import Testing

@testable import Holdfast

@Suite("A date as text")
struct TimestampTests {
    private func date(_ text: String) -> Double? { Timestamp.date(in: text)?.timeIntervalSince1970 }

    @Test("is ISO 8601 in UTC, with as few digits of 3, 6 and 9 as it takes to be read as the same date")
    func texts() {
        // Seconds since 2001.
        for (seconds, text) in [
            (-978_307_200, "1970-01-01T00:00:00.000Z"), (788_918_400, "2026-01-01T00:00:00.000Z"),
            (788_918_400.25, "2026-01-01T00:00:00.250Z"), (788_918_399.123, "2025-12-31T23:59:59.123Z"),
            (788_918_400.000001, "2026-01-01T00:00:00.000001Z"), (-978_307_201, "1969-12-31T23:59:59.000Z"),
            (-63_113_904_000, "0001-01-01T00:00:00.000Z"), (-26_524_800, "2000-02-29T00:00:00.000Z"),
            (252_423_993_599, "9999-12-31T23:59:59.000Z"),
        ] as [(Double, String)] {
            let date = Date(timeIntervalSinceReferenceDate: seconds)
            #expect(Timestamp.text(of: date) == text)
            #expect(Timestamp.date(in: text) == date)
        }
        #expect(
            Timestamp.text(of: Date(timeIntervalSinceReferenceDate: 788_918_400.1234567))?.utf8.count == 30)
    }

    @Test("is read as the same date, but around 2001-01-01, where it is rounded to a nanosecond")
    func roundTrips() throws {
        var random = SeededGenerator(seed: 34)
        for _ in 0..<20_000 {
            // Between 97 days and about 8000 years from 2001, on both sides; more of them near.
            let distance = pow(2, Double.random(in: 23...36, using: &random))
            for time in [distance, -distance] {
                let date = Date(timeIntervalSinceReferenceDate: time)
                guard let text = Timestamp.text(of: date) else {
                    #expect(time < -63e9, "\(time)")
                    continue
                }
                #expect(Timestamp.date(in: text) == date, "\(text)")
            }
            let near = Double.random(in: -8_388_608...8_388_608, using: &random)
            let text = try #require(Timestamp.text(of: Date(timeIntervalSinceReferenceDate: near)))
            let read = try #require(Timestamp.date(in: text))
            #expect(abs(read.timeIntervalSinceReferenceDate - near) <= 1e-9)
        }
    }

    @Test("agrees with Foundation about the calendar")
    func calendar() throws {
        let format = Date.ISO8601FormatStyle()
        var random = SeededGenerator(seed: 35)
        for _ in 0..<2000 {
            let seconds = Double(Int64.random(in: -10_000_000_000...100_000_000_000, using: &random))
            let date = Date(timeIntervalSince1970: seconds)
            let text = try #require(Timestamp.text(of: date))
            #expect(text.replacing(".000Z", with: "Z") == date.formatted(format))
            #expect(Timestamp.date(in: date.formatted(format)) == date)
        }
    }

    @Test("is read with any number of digits, any offset, and the small differences between writers")
    func forms() {
        let whole = 1_767_225_600.0
        for text in [
            "2026-01-01T00:00:00Z", "2026-01-01t00:00:00z", "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01T02:00:00+02:00", "2025-12-31T18:30:00-0530", "2026-01-01T01:00:00+01",
            "2026-01-01T00:00:00.0Z", "2026-01-01T00:00:00,000Z", "2025-12-31T23:59:60Z",
        ] { #expect(date(text) == whole, "\(text)") }
        #expect(date("2026-01-01T00:00:00.5Z") == whole + 0.5)
        #expect(date("2026-01-01T00:00:00.250000000000000000000001Z") == whole + 0.25)
    }

    @Test(
        "is refused where it is no instant",
        arguments: [
            "", "2026", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00Z", "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00Zz", " 2026-01-01T00:00:00Z", "2026-01-01T00:00:00+", "2026-01-01T00:00:00+1",
            "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01:60", "2026-01-01T00:00:00+01:",
            "+2026-01-01T00:00:00Z", "٢٠٢٦-01-01T00:00:00Z",
        ])
    func refused(_ text: String) {
        #expect(Timestamp.date(in: text) == nil)
    }

    @Test("does not exist before the year 0 and after 9999")
    func limits() {
        for time in [Double.nan, .infinity, -.infinity, 1e300, 253_402_300_800 - 978_307_200, -64e9] {
            #expect(Timestamp.text(of: Date(timeIntervalSinceReferenceDate: time)) == nil)
        }
    }
}
