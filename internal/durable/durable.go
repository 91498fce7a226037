package durable

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// Names makes durable which names a folder has: without it a file that was
// created or renamed there, and synced itself, may be gone.
func Names(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Replace gives the file at path new content and exactly the permissions perm,
// whatever the umask. A reader, and a start after a loss of power, finds the
// old file or the new one, whole; after Replace has returned nil, the new one.
// Until the content is complete only the owner can read it.
//
// The content is written to a hidden file beside path, ".NAME.new", which an
// earlier run may have left. Calls for the same path must not overlap. If path
// is a symbolic link, the link is replaced.
func Replace(path string, data []byte, perm os.FileMode) error {
	dir, name := filepath.Split(path)
	return ReplaceBy(filepath.Join(dir, "."+name+".new"), path, data, perm)
}

// ReplaceBy is Replace with a name of the caller's, in the same folder, for the file
// until it is complete.
func ReplaceBy(temporary, path string, data []byte, perm os.FileMode) error {
	if err := write(temporary, data, perm); err != nil {
		return errors.Join(err, removeIfThere(temporary))
	}
	if err := os.Rename(temporary, path); err != nil {
		return errors.Join(err, removeIfThere(temporary))
	}
	return Names(filepath.Dir(path))
}

// write makes a file that did not exist and syncs it.
func write(path string, data []byte, perm os.FileMode) error {
	if err := removeIfThere(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(perm)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func removeIfThere(path string) error {
	// A folder of that name is somebody else's.
	if err := syscall.Unlink(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
