#if !CommandLine
    #error("the tool needs its package trait: swift build --enable-all-traits")
#endif
