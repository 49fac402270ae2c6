import Foundation
import Testing

@testable import Holdfast

@Suite("The text of a schedule")
struct ScheduleTextTests {
    @Test(
        "is read as the schedule that wrote it",
        arguments: [
            (Schedule.every(.seconds(600)), "every 10m"),
            (.every(.milliseconds(1500)), "every 1500ms"),
            (
                .every(
                    .seconds(3600), phase: .seconds(300), spread: true, jitter: .seconds(30), runOnStart: true
                ), "every 1h phase 5m spread jitter 30s on-start"
            ),
            (.after(.seconds(61), jitter: .milliseconds(5)), "after 61s jitter 5ms"),
            (.cron("30  2 * * mon-fri"), "cron 30 2 * * mon-fri"),
            (.cron("@daily", runOnStart: true), "cron @daily on-start"),
            (
                .cron(
                    "0 */5 * * * *", in: TimeZone(identifier: "Europe/Berlin") ?? .gmt, jitter: .seconds(2)),
                "cron 0 */5 * * * * in Europe/Berlin jitter 2s"
            ),
            (
                .cron("@hourly", in: TimeZone(secondsFromGMT: -5400) ?? .gmt), "cron @hourly in GMT-0130"
            ),
        ] as [(Schedule, String)])
    func roundTrip(schedule: Schedule, text: String) throws {
        #expect(schedule.description == text)
        #expect(Schedule(text) == schedule)
    }

    @Test(
        "may have blanks of any kind, keywords in any case, and a cron expression without the word",
        arguments: [
            ("\tevery   10m\n", "every 10m"), ("Every 1h phase 5m", "every 1h phase 5m"),
            ("30 2 * * *", "cron 30 2 * * *"), ("@daily in Europe/Berlin", "cron @daily in Europe/Berlin"),
            ("0\t30  2 * * mon-fri\r\n", "cron 0 30 2 * * mon-fri"),
            ("30 2 * * * in America/New_York jitter 5s", "cron 30 2 * * * in America/New_York jitter 5s"),
            ("CRON 0 3 * * * in UTC", "cron 0 3 * * *"),
            ("@hourly in GMT+0200", "cron @hourly in GMT+0200"),
        ])
    func lenient(text: String, canonical: String) throws {
        #expect(try Schedule.parse(text).description == canonical)
    }

    @Test(
        "that is none is refused, and says why",
        arguments: [
            ("", "must begin with"), ("hourly", "must begin with"), ("every", "duration"), ("every 0s", "0s"),
            ("every 10", "duration"), ("every -1s", "duration"), ("after 0ms", "0ms"),
            ("every 10s phase", "phase"), ("after 10s phase 3s", "phase"),
            ("every 10s in Europe/Berlin", "in"),
            ("every 10s every 5s", "every"), ("cron 0 3 * * * in Mars/Olympus", "Mars/Olympus"),
            ("cron 0 3 * * * in", "time zone"), ("cron 0 3 * *", "5 fields"),
            ("every 999999999999999h", "999999999999999h"),
            ("after 876601h", "from 1ms to 876600h, not 876601h"),
            ("cron 0 3 * * * in BST", "IANA name"), ("cron 0 3 * * * in EST", "IANA name"),
            ("0 3 * * * in CST", "IANA name"), ("30 2 * *", "must begin with"), ("61 2 * * *", "minute"),
            ("10m", "must begin with"),
        ])
    func refused(text: String, reason: String) {
        let error = #expect(throws: HoldfastError.self) { try Schedule.parse(text) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }
}
