// The format of SQLite's WAL file, of its index ("-shm") and of the locks there, as far as onelane
// reads it by itself. All that is known of it stands here; WalIndex::describes compares it with
// what the SQLite at hand has written.
#pragma once

#include <sqlite3.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace onelane::inline v0::sqlite::wal {

// The number of the format, in the file and in the index.
inline constexpr std::uint32_t kVersion = 3'007'000;

// --- The file: a header, then frames, which are a header and a page each. Numbers are of four
// bytes, big-endian. https://sqlite.org/fileformat2.html#walformat
inline constexpr std::size_t kNumberBytes = 4;
inline constexpr std::size_t kHeaderBytes = 32;
inline constexpr std::size_t kMagicAt = 0;
inline constexpr std::uint32_t kMagic = 0x377f0682;  // or one more: the checksums' byte order
inline constexpr std::size_t kVersionAt = 4;
inline constexpr std::size_t kPageBytesAt = 8;
inline constexpr std::size_t kSaltAt = 16;
inline constexpr std::size_t kSaltBytes = 8;

inline constexpr std::size_t kFrameHeaderBytes = 24;
// The size of the database in pages after the commit; zero but in a commit's last frame.
inline constexpr std::size_t kCommitMarkAt = 4;
inline constexpr std::size_t kFrameSaltAt = 8;

constexpr std::uint64_t frame_bytes(std::uint64_t page_bytes) noexcept {
  return kFrameHeaderBytes + page_bytes;
}
// Where the frame begins, or the file ends that has this many; frames count from 0.
constexpr std::uint64_t frame_at(std::uint64_t frame, std::uint64_t page_bytes) noexcept {
  return kHeaderBytes + frame * frame_bytes(page_bytes);
}

// --- The index, in words of four bytes, in the machine's order.
// https://sqlite.org/walformat.html#the_wal_index_file_format
inline constexpr int kRegionBytes = 32 * 1024;
inline constexpr std::size_t kIndexVersionWord = 0;
inline constexpr std::size_t kFramesWord = 16 / 4;  // in the file
inline constexpr std::size_t kPagesWord = 20 / 4;   // in the database
inline constexpr std::size_t kSaltWord = 32 / 4;    // as in the file, byte for byte
inline constexpr std::size_t kBackfilledWord = 96 / 4;
inline constexpr std::size_t kReadMarksWord = 100 / 4;

// --- Its locks, by number as xShmLock counts them. https://sqlite.org/walformat.html#locks
inline constexpr int kWriteLock = 0;
// One for each read mark. The first mark is for readers of the database's file alone.
inline constexpr int kReadLocks = 3;
inline constexpr int kReadMarks = SQLITE_SHM_NLOCK - kReadLocks;
// In the file of the index each is a byte, from here on; one more is shared by all that use the
// index: UNIX_SHM_BASE and UNIX_SHM_DMS in https://sqlite.org/src/file/src/os_unix.c
inline constexpr off_t kLocksAt = 120;
inline constexpr off_t kInUseLock = SQLITE_SHM_NLOCK;

}  // namespace onelane::inline v0::sqlite::wal
