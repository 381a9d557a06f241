/* symbol.c - symbol tables, read without malloc and without trusting them.
 *
 * A module's file has the better table (.symtab, with static functions); it is mapped
 * and compared with what is loaded, since it may have been rebuilt meanwhile. Without
 * a file (deleted, no permission, the vdso) there is the table of exported functions
 * that the dynamic linker uses, in memory.
 *
 * A few mapped files are kept. The cache is never waited for: who finds it in use,
 * maybe by the very code that his signal has interrupted, maps the file for himself. */
#define _GNU_SOURCE
#include "diag/symbol.h"
#include "base/atomic.h"
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A loaded module, as the dynamic linker tells. */
struct module {
	uintptr_t pc;                   /* looked for */
	uintptr_t base;
	const ElfW(Phdr) *phdr;
	size_t nphdr;
	const char *name;               /* "": the program */
	unsigned long long unloads;     /* so far, of any module */
};

struct file {
	const char *data;               /* NULL: cannot be had */
	size_t size;
};

/* Symbols and their names; addresses are relative to the module's base. */
struct table {
	const ElfW(Sym) *syms;
	size_t n;
	const char *names;
	size_t names_size;
	const ElfW(Shdr) *sections;     /* NULL: the table has exported symbols only */
	size_t nsections;
};

/* ---- modules ---- */

static bool is_loaded_at(const struct dl_phdr_info *info, uintptr_t pc)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_LOAD &&
		    pc - (info->dlpi_addr + ph->p_vaddr) < ph->p_memsz)
			return true;
	}
	return false;
}

static int match_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct module *m = arg;

	(void)size;
	if (!is_loaded_at(info, m->pc))
		return 0;
	m->base = info->dlpi_addr;
	m->phdr = info->dlpi_phdr;
	m->nphdr = info->dlpi_phnum;
	m->name = info->dlpi_name ? info->dlpi_name : "";
	m->unloads = info->dlpi_subs;
	return 1;
}

/* The linker's lock lets its holder in again, but not in the moment in which it is held
 * and does not say yet by whom: a handler that looks up, too, must not come then. Faults
 * may: whoever reports one stops those of its own. */
static bool find_module(struct module *m)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	sigset_t block, before;
	bool found;

	sigfillset(&block);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		sigdelset(&block, faults[i]);
	pthread_sigmask(SIG_BLOCK, &block, &before);
	found = dl_iterate_phdr(match_module, m);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return found;
}

/* ---- the file ---- */

/* The `size` bytes at `offset`, NULL if there are not so many. */
static const void *part(const struct file *f, uint64_t offset, uint64_t size)
{
	if (offset > f->size || size > f->size - offset || offset % sizeof(long))
		return NULL;
	return f->data + offset;
}

/* Is this the file that was loaded? The program headers must be the same, and the
 * notes, among which is the build's id. */
static bool is_same(const struct module *m, const struct file *f)
{
	const ElfW(Ehdr) *eh = part(f, 0, sizeof *eh);
	size_t size = m->nphdr * sizeof *m->phdr;
	const ElfW(Phdr) *ph;

	if (!eh || memcmp(eh->e_ident, ELFMAG, SELFMAG) ||
	    eh->e_ident[EI_CLASS] != (sizeof(long) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    eh->e_phnum != m->nphdr || eh->e_phentsize != sizeof *ph)
		return false;
	ph = part(f, eh->e_phoff, size);
	if (!ph || memcmp(ph, m->phdr, size))
		return false;
	for (size_t i = 0; i < m->nphdr; i++) {
		const void *note;

		if (ph[i].p_type != PT_NOTE || ph[i].p_filesz > ph[i].p_memsz)
			continue;
		if (ph[i].p_offset > f->size || ph[i].p_filesz > f->size - ph[i].p_offset)
			return false;
		note = f->data + ph[i].p_offset;
		if (memcmp(note, (const void *)(m->base + ph[i].p_vaddr), ph[i].p_filesz))
			return false;
	}
	return true;
}

static void unmap(struct file *f)
{
	if (f->data)
		munmap((void *)(uintptr_t)f->data, f->size);
	f->data = NULL;
}

static void map(const struct module *m, struct file *f)
{
	int fd = open(*m->name ? m->name : "/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	*f = (struct file){ 0 };
	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p != MAP_FAILED)
			*f = (struct file){ p, (size_t)st.st_size };
	}
	close(fd);
	if (f->data && !is_same(m, f))
		unmap(f);
}

static bool is_inside(const struct file *f, const ElfW(Shdr) *sh)
{
	return sh->sh_offset <= f->size && sh->sh_size <= f->size - sh->sh_offset;
}

/* A table by its section type: SHT_SYMTAB or SHT_DYNSYM. */
static bool table_of_file(const struct file *f, unsigned type, struct table *t)
{
	const ElfW(Ehdr) *eh = (const void *)f->data;
	const ElfW(Shdr) *sh = part(f, eh->e_shoff, (uint64_t)eh->e_shnum * sizeof *sh);

	if (!sh || eh->e_shentsize != sizeof *sh)
		return false;
	for (size_t i = 0; i < eh->e_shnum; i++) {
		const ElfW(Shdr) *names = &sh[sh[i].sh_link];

		/* The last name, too, must have an end. */
		if (sh[i].sh_type != type || sh[i].sh_link >= eh->e_shnum ||
		    !is_inside(f, names) || !names->sh_size ||
		    f->data[names->sh_offset + names->sh_size - 1])
			continue;
		t->syms = part(f, sh[i].sh_offset, sh[i].sh_size);
		t->n = sh[i].sh_size / sizeof *t->syms;
		t->names = f->data + names->sh_offset;
		t->names_size = names->sh_size;
		t->sections = type == SHT_SYMTAB ? sh : NULL;
		t->nsections = eh->e_shnum;
		return t->syms;
	}
	return false;
}

/* ---- the table in memory ---- */

/* glibc has put most addresses of the dynamic section in their final form. */
static const void *dynamic_pointer(const struct module *m, uintptr_t p)
{
	return (const void *)(p < m->base ? m->base + p : p);
}

/* The GNU hash table does not say how many symbols there are: one more than the last
 * of the longest chain. A chain ends with an odd hash. */
static size_t count_gnu_hash(const uint32_t *table)
{
	uint32_t nbuckets = table[0], first = table[1], bloom = table[2];
	const uint32_t *buckets = table + 4 + bloom * (sizeof(ElfW(Addr)) / 4);
	const uint32_t *chains = buckets + nbuckets;
	uint32_t last = 0;

	for (uint32_t i = 0; i < nbuckets; i++)
		if (buckets[i] > last)
			last = buckets[i];
	if (last < first)
		return first;
	while (!(chains[last - first] & 1))
		last++;
	return (size_t)last + 1;
}

static bool table_of_memory(const struct module *m, struct table *t)
{
	const ElfW(Dyn) *dyn = NULL;

	*t = (struct table){ 0 };
	for (size_t i = 0; i < m->nphdr; i++)
		if (m->phdr[i].p_type == PT_DYNAMIC)
			dyn = (const void *)(m->base + m->phdr[i].p_vaddr);
	for (; dyn && dyn->d_tag != DT_NULL; dyn++) {
		const void *at = dynamic_pointer(m, dyn->d_un.d_ptr);

		if (dyn->d_tag == DT_SYMTAB)
			t->syms = at;
		else if (dyn->d_tag == DT_STRTAB)
			t->names = at;
		else if (dyn->d_tag == DT_STRSZ)
			t->names_size = dyn->d_un.d_val;
		else if (dyn->d_tag == DT_HASH && !t->n)
			t->n = ((const uint32_t *)at)[1];
		else if (dyn->d_tag == DT_GNU_HASH && !t->n)
			t->n = count_gnu_hash(at);
	}
	return t->syms && t->names && t->n && t->names_size;
}

/* ---- search ---- */

static const char *name_of(const struct table *t, const ElfW(Sym) *sym)
{
	return sym->st_name < t->names_size ? t->names + sym->st_name : "";
}

/* Of two names for one place: the one for users, for other files, the shorter one. */
static bool is_better(const struct table *t, const ElfW(Sym) *a, const ElfW(Sym) *b)
{
	const char *x = name_of(t, a), *y = name_of(t, b);

	if ((*x != '_') != (*y != '_'))
		return *x != '_';
	if ((a->st_info >> 4 == STB_LOCAL) != (b->st_info >> 4 == STB_LOCAL))
		return b->st_info >> 4 == STB_LOCAL;
	return strlen(x) < strlen(y);
}

/* Assembly may not say how long a function is: up to the next one, and to the end of
 * its section at most. Among exported symbols the next one may be missing. */
static bool covers(const struct table *t, const ElfW(Sym) *sym, uintptr_t addr)
{
	const ElfW(Shdr) *section;

	if (sym->st_size)
		return addr - sym->st_value < sym->st_size;
	if (!t->sections || sym->st_shndx >= t->nsections)
		return false;
	section = &t->sections[sym->st_shndx];
	return addr - section->sh_addr < section->sh_size;
}

static bool has_our_prefix(const char *name)
{
	return !strncmp(name, "mr_", 3) || !strncmp(name, "mri_", 4);
}

static bool is_ours(const struct table *t, const ElfW(Sym) *sym)
{
	return sym && has_our_prefix(name_of(t, sym));
}

static bool is_function(const ElfW(Sym) *sym)
{
	int type = sym->st_info & 15;

	return (type == STT_FUNC || type == STT_GNU_IFUNC) && sym->st_shndx != SHN_UNDEF;
}

/* The function at addr, or NULL. *ours: it is the library's. The names of its static
 * functions do not tell; that what other files can call before and after them is
 * ours does. */
static const ElfW(Sym) *search(const struct table *t, uintptr_t addr, bool *ours)
{
	const ElfW(Sym) *best = NULL, *before = NULL, *after = NULL;

	for (const ElfW(Sym) *s = t->syms; s < t->syms + t->n; s++) {
		uintptr_t at = s->st_value;
		bool exported = s->st_info >> 4 != STB_LOCAL;

		if (!is_function(s))
			continue;
		if (at > addr) {
			if (exported && (!after || at < after->st_value))
				after = s;
			continue;
		}
		if (exported && (!before || at > before->st_value))
			before = s;
		if (!covers(t, s, addr))
			continue;
		if (!best || at > best->st_value ||
		    (at == best->st_value && is_better(t, s, best)))
			best = s;
	}
	*ours = is_ours(t, best) || (best && best->st_info >> 4 == STB_LOCAL &&
				     is_ours(t, before) && is_ours(t, after));
	return best;
}

/* Copy a name, without ".part.0" and "@VERSION". */
static void copy_name(const char *name, struct mri_symbol *out)
{
	size_t n = *name == '.';

	n += strcspn(name + n, ".@");
	if (n > sizeof out->name - 1)
		n = sizeof out->name - 1;
	memcpy(out->name, name, n);
	out->name[n] = 0;
}

static void describe(const struct module *m, const struct file *f, struct mri_symbol *out)
{
	const ElfW(Sym) *sym = NULL;
	struct table t;
	bool ours = false;

	out->in_file = f->data;
	if (f->data && table_of_file(f, SHT_SYMTAB, &t))
		sym = search(&t, out->module_offset, &ours);
	if (!sym && f->data && table_of_file(f, SHT_DYNSYM, &t))
		sym = search(&t, out->module_offset, &ours);
	if (!sym && !f->data && table_of_memory(m, &t))
		sym = search(&t, out->module_offset, &ours);
	if (!sym)
		return;
	copy_name(name_of(&t, sym), out);
	out->symbol_offset = out->module_offset - sym->st_value;
	out->in_library |= ours;
}

/* ---- the cache ---- */

enum { CACHED = 16 };
static struct {
	uint32_t busy;                  /* atomic: somebody uses the rest */
	unsigned next;                  /* the entry to be replaced */
	unsigned long long unloads;     /* as of the entries */
	struct {
		bool used;
		uintptr_t base;
		const void *phdr;
		struct file file;
	} entry[CACHED];
} cache;

static const struct file *cached_file(const struct module *m)
{
	unsigned i;

	/* After an unload another module may be where one was. */
	for (i = 0; i < CACHED && cache.unloads != m->unloads; i++) {
		unmap(&cache.entry[i].file);
		cache.entry[i].used = false;
	}
	cache.unloads = m->unloads;
	for (i = 0; i < CACHED; i++)
		if (cache.entry[i].used && cache.entry[i].base == m->base &&
		    cache.entry[i].phdr == m->phdr)
			return &cache.entry[i].file;
	i = cache.next++ % CACHED;
	unmap(&cache.entry[i].file);
	map(m, &cache.entry[i].file);
	cache.entry[i].base = m->base;
	cache.entry[i].phdr = m->phdr;
	cache.entry[i].used = true;
	return &cache.entry[i].file;
}

static void module_name(const struct module *m, struct mri_symbol *out)
{
	const char *slash;
	ssize_t n;

	if (*m->name) {
		n = (ssize_t)strnlen(m->name, sizeof out->module - 1);
		memcpy(out->module, m->name, (size_t)n);
	} else {
		n = readlink("/proc/self/exe", out->module, sizeof out->module - 1);
	}
	out->module[n > 0 ? n : 0] = 0;
	if (n <= 0)
		memcpy(out->module, "?", 2);
	slash = strrchr(m->name, '/');
	out->in_library = !strncmp(slash ? slash + 1 : m->name, "libmillrace.", 12);
}

bool mri_symbol_find(void *pc, struct mri_symbol *out)
{
	struct module m = { .pc = (uintptr_t)pc };
	struct file file;
	int saved = errno;

	out->name[0] = out->module[0] = 0;
	out->module_offset = m.pc;
	out->symbol_offset = 0;
	out->in_library = out->in_file = false;
	if (!find_module(&m))
		goto out;
	out->module_offset = m.pc - m.base;
	module_name(&m, out);
	/* S1: pairs with S2, the user before. Not a lock: nobody waits for it. */
	if (!atomic_swap(&cache.busy, 1, acquire)) {
		describe(&m, cached_file(&m), out);
		/* S2: pairs with S1, the next user. */
		atomic_set(&cache.busy, 0, release);
	} else {
		map(&m, &file);
		describe(&m, &file, out);
		unmap(&file);
	}
out:
	errno = saved;
	return out->name[0];
}
