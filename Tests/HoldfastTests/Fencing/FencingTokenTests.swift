import Foundation
import Holdfast
import Testing

@Suite("A fencing token")
struct FencingTokenTests {
    private struct Order: Codable, Equatable {
        var id: String
        var fence: FencingToken
    }

    @Test("compares, and is written, as its number")
    func number() {
        let token = FencingToken(rawValue: 1_795_369_741_502_040)
        #expect(token.description == "1795369741502040")
        #expect(token < FencingToken(rawValue: token.rawValue + 1))
        #expect([9, 10, 1].map(FencingToken.init).max() == FencingToken(rawValue: 10))
    }

    @Test("is coded as a single integer, exactly", arguments: [0, 1_795_369_741_502_040, Int64.max])
    func coding(raw: Int64) throws {
        let order = Order(id: "o-1", fence: FencingToken(rawValue: raw))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let json = try encoder.encode(order)
        #expect(String(decoding: json, as: UTF8.self) == #"{"fence":\#(raw),"id":"o-1"}"#)
        #expect(try JSONDecoder().decode(Order.self, from: json) == order)
    }
}
