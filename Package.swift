// swift-tools-version: 6.3

import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "holdfast",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Holdfast", targets: ["Holdfast"]),
        .library(name: "HoldfastTesting", targets: ["HoldfastTesting"]),
        .library(name: "HoldfastGRDB", targets: ["HoldfastGRDB"]),
        .executable(name: "holdfast", targets: ["HoldfastTool"]),
    ],
    // Off by default: a dependency that only they use is not fetched for a package that uses the library alone.
    // Whoever builds this package itself, as the scripts do, passes --enable-all-traits.
    traits: [
        .trait(name: "GRDB", description: "The product HoldfastGRDB: an inbox in SQLite."),
        .trait(
            name: "CommandLine", description: "The product holdfast: the command line tool.",
            enabledTraits: ["GRDB"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.0.0"),
    ],
    targets: [
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]),
        .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        .target(
            name: "RedisLink",
            dependencies: [
                "CHiredis", "COpenSSL",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "Holdfast",
            dependencies: [
                "RedisLink",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("Scripts")],
            swiftSettings: strict
        ),
        // Children, signals and the terminal, for the tool, the harness and private servers.
        .target(name: "Processes", dependencies: ["RedisLink"], swiftSettings: strict),
        // Messages as lines of JSON, for the tool and the harness.
        .target(name: "JSONLines", dependencies: ["RedisLink"], swiftSettings: strict),
        .target(
            name: "HoldfastTesting",
            dependencies: [
                "COpenSSL", "Holdfast", "Processes", "RedisLink",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        // What breaks connections and plays servers, for the tests of this package and its harness.
        .target(name: "RedisTestRig", dependencies: ["HoldfastTesting"], swiftSettings: strict),
        .target(
            name: "HoldfastGRDB",
            dependencies: [
                "Holdfast",
                .product(name: "GRDB", package: "GRDB.swift", condition: .when(traits: ["GRDB"])),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "HoldfastSimulation",
            dependencies: [
                "Holdfast", "HoldfastTesting", "JSONLines", "Processes", "RedisLink", "RedisTestRig",
                .product(name: "GRDB", package: "GRDB.swift", condition: .when(traits: ["GRDB"])),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        // What is held, queued and run, as values with stable JSON: for the tool, and whatever else shows it.
        .target(name: "HoldfastInspection", dependencies: ["Holdfast"], swiftSettings: strict),
        .executableTarget(
            name: "HoldfastTool",
            dependencies: [
                "Holdfast", "HoldfastInspection", "HoldfastSimulation", "JSONLines", "Processes", "RedisLink",
                .product(
                    name: "ArgumentParser", package: "swift-argument-parser",
                    condition: .when(traits: ["CommandLine"])),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "TestSupport", dependencies: [.product(name: "Logging", package: "swift-log")],
            path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(
            name: "RedisLinkTests",
            dependencies: ["COpenSSL", "HoldfastTesting", "RedisLink", "RedisTestRig", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "HoldfastTests",
            dependencies: ["Holdfast", "HoldfastTesting", "RedisLink", "RedisTestRig", "TestSupport"],
            swiftSettings: strict),
        .testTarget(name: "ProcessesTests", dependencies: ["Processes"], swiftSettings: strict),
        .testTarget(
            name: "HoldfastTestingTests", dependencies: ["HoldfastTesting", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "HoldfastSimulationTests",
            dependencies: [
                "Holdfast", "HoldfastGRDB", "HoldfastSimulation", "HoldfastTesting", "JSONLines", "RedisLink",
                "RedisTestRig", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift", condition: .when(traits: ["GRDB"])),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "HoldfastToolTests",
            dependencies: [
                "Holdfast", "HoldfastInspection", "HoldfastSimulation", "HoldfastTesting", "HoldfastTool",
                "JSONLines", "Processes", "RedisLink", "RedisTestRig", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
    ],
    swiftLanguageModes: [.v6]
)

// Outside the product's build: only `scripts/bench` asks for it.
if Context.environment["HOLDFAST_BENCHMARKS"] != nil {
    package.products.append(.executable(name: "holdfast-benchmarks", targets: ["HoldfastBenchmarks"]))
    package.targets += [
        .target(name: "CLimit", dependencies: ["CHiredis"], path: "Benchmarks/CLimit"),
        .executableTarget(
            name: "HoldfastBenchmarks",
            dependencies: [
                "CLimit", "Holdfast", "HoldfastTesting", "RedisLink",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Benchmarks/HoldfastBenchmarks",
            swiftSettings: strict
        ),
    ]
}

// Outside the product's build: only `scripts/fuzz` asks for it.
if Context.environment["HOLDFAST_FUZZING"] != nil {
    package.products.append(.executable(name: "holdfast-reply-fuzzer", targets: ["ReplyFuzzer"]))
    package.targets += [
        // libFuzzer brings `main`.
        .executableTarget(
            name: "ReplyFuzzer", dependencies: ["Holdfast", "RedisLink"], path: "Fuzzing/ReplyFuzzer",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])])
    ]
}
