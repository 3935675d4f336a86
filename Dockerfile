# docker build -t stylespace .
# docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/pictures" stylespace transfer photo.jpg --style painting.jpg -o out.png
FROM python:3.11-slim AS build
WORKDIR /source
COPY . .
RUN PIP_CONSTRAINT=constraints.txt pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim
COPY constraints.txt /etc/stylespace/constraints.txt
# The CPU build of PyTorch: a tenth of the size of the default one for Linux.
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
        --constraint /etc/stylespace/constraints.txt /wheels/*.whl
# Downloaded weights and font lists go to /cache: mount a volume there to keep them. Any user id can write it.
RUN useradd --system --home-dir /cache --no-create-home stylespace \
    && mkdir -m 1777 /cache \
    && mkdir -m 1777 /pictures
ENV HOME=/cache XDG_CACHE_HOME=/cache MPLCONFIGDIR=/cache/matplotlib
USER stylespace
WORKDIR /pictures
ENTRYPOINT ["stylespace"]
CMD ["--help"]
