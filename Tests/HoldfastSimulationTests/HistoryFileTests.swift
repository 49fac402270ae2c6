import Foundation
import HoldfastSimulation
import Testing

@Suite struct HistoryFileTests {
    @Test func `Records come back in the order of writing, and a torn last line is left out`() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "history-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: url) }
        let author = Author(slot: 2, pid: 77)
        var begin = HistoryRecord(.handlerBegin, at: 10, author: author)
        begin.message = "a\n\"b\""
        begin.attempt = 2
        var end = HistoryRecord(.handlerEnd, at: 20, author: author)
        end.lost = true
        do {
            let file = try HistoryFile(path: url.path)
            try file.append(begin)
            try file.append(end)
        }
        let contents = try Data(contentsOf: url)
        #expect(try HistoryFile.records(in: contents) == [begin, end])
        #expect(try HistoryFile.records(in: contents.dropLast(3)) == [begin])
        #expect(try HistoryFile.records(in: Data()) == [])
    }

    @Test func `A record that can't be written is an error that names the file and the reason`() throws {
        let file = try HistoryFile(path: "/dev/full")
        let error = #expect(throws: RecordError.self) { try file.append(HistoryRecord(.handlerBegin)) }
        #expect(error?.description == "cannot write /dev/full: No space left on device")
    }

    @Test func `The clock goes forward`() {
        let earlier = BootClock.now()
        #expect(earlier > 0)
        #expect(BootClock.now() >= earlier)
    }
}
