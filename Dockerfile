# Build:  docker build -t wider-or-deeper .
# Train the digits study; its results and its report stay in ./study:
#         mkdir -p study && docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/study:/study" wider-or-deeper
# Others: docker run --rm wider-or-deeper wider-or-deeper models
#         docker run --rm --gpus all … wider-or-deeper pytest /app/bench -k cifar --full-training
ARG PYTHON=3.12
FROM python:${PYTHON}-slim

# torch brings CUDA and takes 6 GB. For its smaller build for CPUs, give the index that PyTorch's installation page names:
# --build-arg PIP_EXTRA_INDEX_URL=…
ARG PIP_EXTRA_INDEX_URL

# The dependencies are a layer of their own: a change of the code does not install torch again.
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
RUN python -m pip install --no-cache-dir .
COPY harness harness
RUN python -m pip install --no-cache-dir --no-deps .
COPY bench bench

# USER and HOME also serve a user of `--user` that the image does not know: caches and datasets go into the volume.
RUN useradd --home-dir /study --create-home study
USER study
ENV HOME=/study USER=study
WORKDIR /study
VOLUME /study

CMD ["python", "-m", "pytest", "-p", "no:cacheprovider", "/app/bench", "-k", "digits", "--full-training"]
