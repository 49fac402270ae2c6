// What the Swift samples of the documents and doc comments take for granted. scripts/check-samples compiles each sample
// with it; nothing here is ever run.
import Foundation
import GRDB
import Holdfast
import HoldfastGRDB
import HoldfastTesting
import Logging
import ServiceLifecycle
import Testing

func given<Value>() -> Value { fatalError("samples are compiled, and not run") }

let logger: Logger = given()
let holdfast: Holdfast = given()
let lease: Lease = given()

struct OrderPlaced: Codable, Sendable, Identifiable {
    var id: String
    var user: String
    var cents: Int
}

struct Packing: Codable, Sendable {
    var order: String
}

let order: OrderPlaced = given()
let orders: MessageQueue<OrderPlaced> = given()

/// A service's own code.
struct UserRepository: Sendable {
    func deactivate(inactiveFor time: Duration, fence: FencingToken) async throws {}
}

struct Ledger: Sendable {
    func append(_ entry: String, fence: FencingToken) async throws {}
}

struct Vault: Sendable {
    func secret(_ name: String) async throws -> String { given() }
}

struct Shop: Sendable {
    func isOpen(for user: String) async throws -> Bool { given() }
    func reserve(_ order: OrderPlaced, idempotencyKey: String) async throws {}
}

struct Job: Sendable {
    func saveProgress() async {}
}

struct Accounts: Sendable {
    func book(_ order: OrderPlaced, in database: Database) throws -> Int { given() }
}

struct BillingService: Sendable {
    init(_ holdfast: Holdfast) {}
    func setUp() {}
}

struct Event: Sendable {
    var id: String
}

struct Invoicing: Sendable {
    var locks: any LockProvider
}

/// A service that others stop after Holdfast.
struct DatabaseClient: Service {
    func run() async throws {}
}

let users: UserRepository = given()
let ledger: Ledger = given()
let vault: Vault = given()
let shop: Shop = given()
let job: Job = given()
let accounts: Accounts = given()
let event: Event = given()
let entry: String = given()
let database: DatabaseQueue = given()
let inbox: SQLiteInbox = given()
let server: PrivateRedisServer = given()
let memory: InMemoryRedis = given()
let first: Holdfast = given()
let clock: ManualClock = given()
let databaseClient: DatabaseClient = given()
let httpServer: DatabaseClient = given()

@Sendable func book(_ event: Event, _ claim: OnceClaim) async throws -> String { given() }
@Sendable func book(_ order: OrderPlaced, _ delivery: Delivery) async throws -> Decision { given() }
func makeReport() async throws -> [UInt8] { given() }
